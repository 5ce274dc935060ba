"""A store that is away for minutes costs a message one delivery, not all of them."""

import pytest

from functions import _jobs
from functions._jobs import PATIENCE_S, patiently
from shared.documents import StoreUnavailable
from shared.jobs.usage_ingest import ingest
from shared.telemetry.model import Instrument
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.ledger.synthetic import MORNING, event, intake, last_use, message
from tests.shared.ledger.truth import check

LOCK_S = 300
"""What Service Bus locks a message for at most."""

ATTEMPT_S = 20
"""More than one attempt takes where the store does not answer."""


@pytest.mark.parametrize("away_s", [0, 1, 28, 120, 200])
async def test_a_batch_waits_for_a_store_that_comes_back(away_s: int) -> None:
    clock = FakeClock(MORNING)
    documents = MemoryDocuments(clock)
    documents.is_down = away_s > 0

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)
        documents.is_down = clock.monotonic() < away_s

    bodies, into, use = [message("a"), b"{"], intake(documents, clock), last_use(documents, clock)
    assert await patiently(lambda: ingest(bodies, into, use), clock, sleep=sleep) == 1

    await check(documents, [event("a")])


async def test_the_wait_ends_while_the_messages_are_still_locked() -> None:
    clock, pauses = FakeClock(MORNING), list[float]()

    async def away() -> None:
        clock.advance(ATTEMPT_S)
        raise StoreUnavailable

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        clock.advance(seconds)

    with pytest.raises(StoreUnavailable):
        await patiently(away, clock, sleep=sleep)

    assert PATIENCE_S / 2 < clock.monotonic() < LOCK_S - ATTEMPT_S
    assert max(pauses) <= 20


async def test_what_is_wrong_with_the_work_itself_is_not_waited_for() -> None:
    tried = list[int]()

    async def work() -> None:
        tried.append(1)
        raise TypeError

    with pytest.raises(TypeError):
        await patiently(work, FakeClock())
    assert tried == [1]


class Told:
    def __init__(self) -> None:
        self.clock, self.telemetry = FakeClock(), self
        self.told: list[tuple[str, float, dict[str, str]]] = []

    def count(self, instrument: Instrument, value: float = 1, **attributes: str) -> None:
        self.told.append((instrument.name, value, attributes))

    async def ready(self) -> tuple["Told", None]:
        return self, None


@pytest.mark.parametrize("error", [None, TypeError])
async def test_every_job_is_told_with_its_time_and_outcome(
    error: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = Told()
    monkeypatch.setattr(_jobs, "process", runtime)

    async def job(_: object) -> int:
        runtime.clock.advance(3)
        if error is not None:
            raise error
        return 7

    if error is None:
        assert await _jobs.run("usage_ingest", job) == 7
    else:
        with pytest.raises(error):
            await _jobs.run("usage_ingest", job)

    what = {"job": "usage_ingest", "outcome": "failed" if error else "ok"}
    assert runtime.told == [("tollgate.jobs", 1, what), ("tollgate.job.duration", 3, what)]
