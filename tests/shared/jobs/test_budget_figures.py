from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared.jobs import budget_figures
from shared.jobs.budget_figures import tell_budgets
from shared.leases.model import Level
from shared.runtime import Runtime
from shared.telemetry.service import Telemetry
from tests.shared.gateway.limited import gateway_with
from tests.shared.telemetry.recording import MemoryRecorder

BUDGETS = "\n".join(
    [f"id: bud_{share}, scope: teams/research, amount: 100" for share in (49, 50, 80, 120)]
    + ["id: bud_all, scope: organization, amount: 100"]
)
NANO = 10**9


class Standing:
    """Leases that know how far each budget is used, by its name."""

    def __init__(self) -> None:
        self.looked = 0

    async def look(self, allowance: object) -> Level:
        self.looked += 1
        share = str(allowance.name).rpartition("_")[2]  # type: ignore[attr-defined]
        return Level(int(share if share.isdigit() else 60) * NANO, 0, None, None)


class Office:
    def __init__(self, tmp_path: Path) -> None:
        self.recorder, self.leases = MemoryRecorder(), Standing()
        self.telemetry = Telemetry(lambda on_lost: self.recorder, first_s=10, patience_s=10)
        gateway = gateway_with(tmp_path, budgets=BUDGETS)
        self.clock = gateway.clock
        self.runtime: Runtime = replace(gateway.runtime, telemetry=self.telemetry, leases=self.leases)  # type: ignore[arg-type]
        self.clock.advance(-(self.clock.now().minute % 5) * 60)

    def told(self) -> dict[str, float]:
        self.telemetry.close()
        return {str(each["budget"]): value for value, each in self.recorder.of("tollgate.budget.used")}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def test_budgets_that_are_half_used_are_told_with_their_team(office: Office) -> None:
    assert await tell_budgets(office.runtime) == 4

    assert office.told() == {"bud_120": 1.2, "bud_80": 0.8, "bud_all": 0.6, "bud_50": 0.5}
    assert {each["team"] for _, each in office.recorder.of("tollgate.budget.used")} == {"research", "none"}


async def test_of_very_many_only_the_fullest_are_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget_figures, "MOST", 2)
    await tell_budgets(office.runtime)

    assert office.told() == {"bud_120": 1.2, "bud_80": 0.8}


async def test_between_whiles_and_without_telemetry_no_budget_is_looked_at(office: Office) -> None:
    off = replace(office.runtime, telemetry=Telemetry())
    assert await tell_budgets(off) == 0
    office.clock.advance(timedelta(minutes=1).total_seconds())
    assert await tell_budgets(office.runtime) == 0

    assert office.leases.looked == 0
    assert office.told() == {}
