import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from shared.documents import DocumentStore, StoreUnavailable
from shared.finance.manifest import NAME
from shared.finance.model import ReportConfig, ReportKind, Schedule
from shared.finance.ports import StorageUnavailable
from shared.finance.pulse import LEASE
from shared.finance.runs import MOST_ATTEMPTS, ReportRuns
from shared.finance.service import ReportService
from shared.finance.store import Run, RunState, RunStore
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.finance.books import FixedBooks, MemoryLedger, MemoryReports, busy_month, entry, month
from tests.shared.finance.made import ORIGIN
from tests.shared.finance.test_service import signer
from tests.shared.watched_documents import Dying, Watched, port

DECEMBER = datetime(2026, 12, 1, 3, tzinfo=UTC)
BILL = ReportConfig(name="bill", kind=ReportKind.CHARGEBACK, schedule=Schedule.MONTHLY)


class Office:
    """Everything that runs need, in memory; `runs` are those of another instance each time."""

    def __init__(self, documents: DocumentStore | None = None) -> None:
        self.clock = FakeClock(DECEMBER)
        self.documents = MemoryDocuments(self.clock)
        self.ledger = MemoryLedger(busy_month())
        self.storage = MemoryReports()
        self.books = FixedBooks()

    def runs(self, documents: DocumentStore | None = None, every_s: float = 60) -> ReportRuns:
        service = ReportService(self.ledger, self.books, self.storage, signer, lambda: ORIGIN)
        store = RunStore(documents or self.documents)
        return ReportRuns(store, service, self.books, self.clock, time_zone="UTC", every_s=every_s)


@pytest.fixture
def office() -> Office:
    return Office()


async def due(office: Office, *definitions: ReportConfig) -> list[str]:
    return [run.id for run in await office.runs().schedule(definitions or (BILL,))]


async def test_a_request_becomes_a_report_with_a_manifest(office: Office) -> None:
    run = await office.runs().request(BILL, month(), "ada")
    assert (run.state, run.requested_by) == (RunState.REQUESTED, "ada")

    done = await office.runs().work(run.id)

    assert done is not None
    assert (done.state, done.progress, done.finished_at, done.holder) == (RunState.DONE, 1.0, DECEMBER, None)
    assert f"{done.folder}/{NAME}" in office.storage.files
    assert {f"{done.folder}/{name}" for name in done.files} == set(office.storage.files)


async def test_a_finished_run_is_not_made_again(office: Office) -> None:
    run = await office.runs().request(BILL, month(), "ada")
    first = await office.runs().work(run.id)
    office.ledger.post(entry("later"))

    assert await office.runs().work(run.id) == first


async def test_of_two_instances_one_makes_the_report(office: Office) -> None:
    run = await office.runs().request(BILL, month(), "ada")

    outcomes = await asyncio.gather(*(office.runs().work(run.id) for _ in range(4)))

    assert sorted(each.state for each in outcomes if each is not None)[0] == RunState.DONE
    assert {path.split("/")[3] for path in office.storage.files} == {"1"}


async def test_a_run_that_nobody_asked_for_is_none(office: Office) -> None:
    assert await office.runs().work("run_unknown") is None


async def test_a_report_that_is_refused_fails_with_its_reason(office: Office) -> None:
    office.ledger.post(entry("euro", currency="EUR"))
    run = await office.runs().request(BILL, month(), "ada")

    failed = await office.runs().work(run.id)

    assert failed is not None
    assert (failed.state, failed.reason) == (
        RunState.FAILED,
        "The period holds costs in several currencies: EUR, USD.",
    )


async def test_while_the_storage_is_down_a_run_waits_and_then_goes_on_at_once(office: Office) -> None:
    run = await office.runs().request(BILL, month(), "ada")
    office.storage.is_down = True
    with pytest.raises(StorageUnavailable):
        await office.runs().work(run.id)
    office.storage.is_down = False

    done = await office.runs().work(run.id)

    assert done is not None
    assert (done.state, done.attempt) == (RunState.DONE, 2)


async def test_a_run_that_never_ends_is_given_up(office: Office) -> None:
    run = await office.runs().request(BILL, month(), "ada")
    office.storage.is_down = True
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(StorageUnavailable):
            await office.runs().work(run.id)

    failed = await office.runs().work(run.id)

    assert failed is not None
    assert failed.state is RunState.FAILED
    assert "given up after 5 attempts" in str(failed.reason)


@pytest.mark.parametrize("carries_out", [False, True])
async def test_killed_at_any_call_it_is_made_once_by_another(carries_out: bool) -> None:
    at, was_killed = 0, True
    while was_killed:
        at, was_killed = at + 1, False
        office = Office()
        run = await office.runs().request(BILL, month(), "ada")
        dying = Dying(office.documents, at, carries_out=carries_out)
        try:
            await office.runs(port(dying)).work(run.id)
        except StoreUnavailable:
            was_killed = True
        office.clock.advance(LEASE)
        done = await office.runs().work(run.id)

        assert done is not None, at
        assert done.state is RunState.DONE, at
        assert {f"{done.folder}/{name}" for name in done.files} <= set(office.storage.files)
    assert at > 2


async def test_the_run_of_an_instance_that_died_waits_until_its_time_is_over(office: Office) -> None:
    run = await office.runs().request(BILL, month(), "ada")
    dying = Dying(office.documents, 3, carries_out=False)
    with pytest.raises(StoreUnavailable):
        await office.runs(port(dying)).work(run.id)

    office.clock.advance(LEASE - 1)
    assert await office.runs().waiting() == []
    early = await office.runs().work(run.id)
    office.clock.advance(1)
    waiting = await office.runs().waiting()

    assert early is not None
    assert early.state is RunState.RUNNING
    assert [each.id for each in waiting] == [run.id]


class Slowly(Watched):
    """Remembers what is written about progress, and says when."""

    def __init__(self, store: DocumentStore) -> None:
        super().__init__(store)
        self.seen = asyncio.Event()
        self.steps: list[str] = []

    async def after(self, name: str) -> None:
        if name == "replace":
            page = await self._store.query("reports", "runs")
            self.steps.append(str(page.documents[0].body["step"]))
            if self.steps[-1] == "reading the ledger":
                self.seen.set()


async def test_progress_is_written_while_the_report_is_made(office: Office) -> None:
    slowly = Slowly(office.documents)
    run = await office.runs().request(BILL, month(), "ada")
    cells = office.ledger.cells

    async def held_up(*arguments):  # type: ignore[no-untyped-def]
        await slowly.seen.wait()
        async for cell in cells(*arguments):
            yield cell

    office.ledger.cells = held_up  # type: ignore[method-assign]
    await office.runs(port(slowly), every_s=0.001).work(run.id)

    assert slowly.steps[0] == "starting"
    assert "reading the ledger" in slowly.steps
    assert slowly.steps[-1] == "done"


async def test_who_was_overtaken_leaves_the_run_to_the_other(office: Office) -> None:
    run = await office.runs().request(BILL, month(), "ada")
    started, taken = asyncio.Event(), asyncio.Event()
    cells = office.ledger.cells

    async def held_up(*arguments):  # type: ignore[no-untyped-def]
        if not started.is_set():
            started.set()
            await taken.wait()
        async for cell in cells(*arguments):
            yield cell

    office.ledger.cells = held_up  # type: ignore[method-assign]
    slow = asyncio.create_task(office.runs(every_s=0.001).work(run.id))
    await started.wait()
    office.clock.advance(LEASE + 1)
    other = await office.runs().work(run.id)
    taken.set()
    overtaken = await slow

    assert other is not None
    assert overtaken == other
    assert (other.state, other.attempt, other.folder) == (RunState.DONE, 2, f"2026-11/bill/{run.id}/2")


async def test_a_monthly_report_is_due_once(office: Office) -> None:
    assert await due(office) == ["bill|2026-11"]
    assert await due(office) == []


async def test_two_instances_that_tick_at_once_make_one_run(office: Office) -> None:
    both = await asyncio.gather(due(office), due(office))

    assert sorted(map(len, both)) == [0, 1]


async def test_a_scheduled_report_lies_where_people_look_for_it(office: Office) -> None:
    await due(office)

    done = await office.runs().work("bill|2026-11")

    assert done is not None
    assert done.folder == "2026-11/bill/scheduled/1"


async def test_after_a_standstill_what_was_missed_is_made_up_for(office: Office) -> None:
    daily = BILL.model_copy(update={"schedule": Schedule.DAILY})
    assert await due(office, daily) == ["bill|2026-11-30"]
    office.clock.set(DECEMBER + timedelta(days=3))

    assert await due(office, daily) == ["bill|2026-12-01", "bill|2026-12-02", "bill|2026-12-03"]


async def test_a_report_may_wait_until_the_books_are_closed(office: Office) -> None:
    waits = BILL.model_copy(update={"after_close": True})
    assert await due(office, waits) == []
    office.books.states["m2026_11"] = "closed"

    assert await due(office, waits) == ["bill|2026-11"]


async def test_what_is_made_on_request_alone_is_never_due(office: Office) -> None:
    assert await due(office, BILL.model_copy(update={"schedule": None})) == []


async def test_the_last_runs_come_first(office: Office) -> None:
    ids = []
    for _ in range(3):
        ids.append((await office.runs().request(BILL, month(), "ada")).id)
        office.clock.advance(60)

    found, cursor = await RunStore(office.documents).latest(limit=2)
    rest, end = await RunStore(office.documents).latest(limit=2, cursor=cursor)

    assert [run.id for run in (*found, *rest)] == ids[::-1]
    assert end is None


async def test_a_run_reads_back_as_it_was_written(office: Office) -> None:
    run = await office.runs().request(BILL, month(), "ada")

    assert await RunStore(office.documents).get(run.id) == run
    assert [each async for each in RunStore(office.documents).with_prefix("run_")] == [run]
    assert isinstance(run, Run)


async def test_while_the_books_are_counted_anew_a_run_waits_and_is_made_by_itself(office: Office) -> None:
    run = await office.runs().request(BILL, month(), "ada")
    office.ledger.left = 3
    for _ in range(MOST_ATTEMPTS + 1):
        waits = await office.runs().work(run.id)

        assert waits is not None
        assert (waits.state, waits.attempt, waits.holder, waits.finished_at) == (RunState.REQUESTED, 0, None, None)
        assert waits.step == (
            "waiting: The books are being counted anew for the time zone Asia/Kolkata; 3 of 12 partitions left."
        )
        assert office.storage.files == {}
        assert [each.id for each in await office.runs().waiting()] == [run.id]
    office.ledger.left = 0

    done = await office.runs().work(run.id)

    assert done is not None
    assert (done.state, done.attempt) == (RunState.DONE, 1)


async def test_a_counting_that_begins_while_the_ledger_is_read_stops_the_report(office: Office) -> None:
    run = await office.runs().request(BILL, month(), "ada")

    def begins() -> None:
        office.ledger.left = 1

    office.ledger.before_cells = begins

    waits = await office.runs().work(run.id)

    assert waits is not None
    assert (waits.state, office.storage.files) == (RunState.REQUESTED, {})
