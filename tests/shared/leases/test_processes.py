"""Eight processes on one file get no more than there is: four draw on a limit, four on a budget."""

import asyncio
from pathlib import Path

from tests.load.lease_worker import BUDGET, REQUESTS, fleet


async def test_eight_processes_share_one_request_limit_and_one_budget(tmp_path: Path) -> None:
    path = tmp_path / "counters.db"

    requests, budget = await asyncio.gather(
        fleet(path, REQUESTS.name, processes=4, many=40, lead_s=4.0, seconds=1.5),
        fleet(path, BUDGET.name, processes=4, many=40, lead_s=4.0, seconds=1.5),
    )

    admitted = sum(len(outcome.uses) for outcome in requests)
    spent = sum(amount for outcome in budget for _, amount in outcome.uses)
    assert REQUESTS.limit is not None
    assert BUDGET.limit is not None
    assert 0 < admitted <= REQUESTS.limit
    assert 0 < spent <= BUDGET.limit
    assert sum(outcome.refused for outcome in requests) > 0
