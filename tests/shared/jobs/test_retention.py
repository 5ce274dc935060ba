"""What has been kept long enough goes into files; what is open, unproved or part of a chain stays."""

import gzip
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from shared.audit.model import Actor, Alteration
from shared.audit.store import AuditLog
from shared.directory.documents import CONTAINER as DIRECTORY
from shared.directory.documents import PARTITION as AUDIT
from shared.documents import DocumentStore, StoreUnavailable
from shared.finance.model import RetentionConfig
from shared.finance.ports import ReportExists
from shared.jobs.retention import Retained, Retention
from shared.ledger import documents as forms
from shared.ledger.model import CONTAINER
from shared.reconciliation.archive import Archive
from shared.reconciliation.closing import GRACE, ClosingService
from shared.reconciliation.months import Calendar
from shared.reconciliation.periods import PeriodStore
from shared.reconciliation.service import ReconciliationService
from tests.shared.reconciliation.books import NOON, PARTITION, Books, event_of
from tests.shared.reconciliation.files import MemoryFiles
from tests.shared.watched_documents import Dying, port

LATER = datetime(2028, 1, 5, tzinfo=UTC)


class Cellar:
    """The books, what closes them, and where old things go."""

    def __init__(self, time_zone: str = "UTC") -> None:
        self.books = Books(time_zone=time_zone)
        self.files = MemoryFiles()
        self.calendar = Calendar(time_zone)

    def parts(self, documents: DocumentStore) -> tuple[Archive, ReconciliationService, ClosingService]:
        books = self.books
        archive = Archive(documents, self.files, books.clock, ReportExists)
        service = ReconciliationService(
            documents, books.clock, forms, books.repost, archive.archived, time_zone=books.time_zone
        )
        periods = PeriodStore(documents, books.clock)
        return archive, service, ClosingService(periods, service, books.store, books.clock, self.calendar)

    async def close(self, *months: str) -> None:
        self.books.clock.set(datetime(2027, 1, 6, tzinfo=UTC))
        _, _, closing = self.parts(self.books.documents)
        for month in months:
            await closing.close(month, "ada")
            self.books.clock.advance(GRACE.total_seconds())
            await closing.advance(month)

    async def run(self, documents: DocumentStore | None = None) -> Retained:
        used = documents or self.books.documents
        archive, service, closing = self.parts(used)
        work = Retention(used, self.books.clock, archive, service, closing, RetentionConfig())
        return await work.run()

    def archived(self, folder: str) -> list[str]:
        packed = [
            content
            for path, content in sorted(self.files.content.items())
            if path.startswith(folder) and path.endswith(".gz")
        ]
        return [orjson.loads(line)["id"] for content in packed for line in gzip.decompress(content).splitlines()]

    async def stored(self, container: str, partition: str) -> list[str]:
        page = await self.books.documents.query(container, partition, limit=10_000)
        return [str(document.body["id"]) for document in page.documents]


@pytest.fixture
def cellar() -> Cellar:
    return Cellar()


async def test_events_of_a_closed_month_go_when_their_time_is_over(cellar: Cellar) -> None:
    await cellar.books.use(1, 2)
    await cellar.close("2026-11")
    before = {id: body for id, body in (await cellar.books.content()).items() if not id.startswith("req_")}
    cellar.books.clock.set(datetime(2027, 11, 30, tzinfo=UTC))
    assert await cellar.run() == Retained()

    cellar.books.clock.set(LATER)
    assert await cellar.run() == Retained(2)

    assert cellar.archived("archive/events/2026-11/search/") == ["req_000001", "req_000002"]
    assert sum("manifest" in path for path in cellar.files.content) == 1
    assert await cellar.books.content() == before
    assert await cellar.run() == Retained()
    _, service, _ = cellar.parts(cellar.books.documents)
    assert (await service.reconcile("search", "2026-11")).differences == ()


async def test_events_of_an_open_month_stay(cellar: Cellar) -> None:
    await cellar.books.use(1)
    cellar.books.clock.set(LATER)

    assert await cellar.run() == Retained(0, ("events of 2026-11: its periods are not closed",))
    assert "req_000001" in await cellar.stored(CONTAINER, PARTITION)


async def test_a_month_of_utc_waits_for_both_months_that_it_lies_in() -> None:
    cellar = Cellar("Asia/Kolkata")
    await cellar.books.use(1)
    await cellar.books.use(2, at=datetime(2026, 12, 10, tzinfo=UTC))
    await cellar.close("2026-11")
    now = cellar.books.clock.now()
    cellar.books.clock.set(LATER)
    assert (await cellar.run()).exported == 0

    cellar.books.clock.set(now)
    await cellar.close("2026-12")
    cellar.books.clock.set(LATER)
    assert (await cellar.run()).exported == 1


async def test_what_was_closed_in_another_time_zone_is_closed(cellar: Cellar) -> None:
    """In New York the first hours of November are of October, which nobody has closed."""
    await cellar.books.use(1)
    await cellar.close("2026-11")
    cellar.books.time_zone, cellar.calendar = "America/New_York", Calendar("America/New_York")
    cellar.books.clock.set(LATER)

    assert await cellar.run() == Retained(1)


async def test_an_event_without_an_entry_gets_one_before_it_goes(cellar: Cellar) -> None:
    await cellar.books.use(1)
    await cellar.close("2026-11")
    await cellar.books.documents.create(CONTAINER, PARTITION, event_of(2))
    cellar.books.clock.set(LATER)

    assert (await cellar.run()).exported == 2
    assert "led_req_000002" in await cellar.stored(CONTAINER, PARTITION)


async def test_nothing_goes_from_a_ledger_that_is_not_proved(cellar: Cellar) -> None:
    await cellar.books.use(1, 2)
    await cellar.close("2026-11")
    await cellar.books.documents.delete(CONTAINER, PARTITION, "req_000002")
    cellar.books.clock.set(LATER)

    assert await cellar.run() == Retained(0, ("events of 2026-11, search: the ledger is not proved",))
    assert "req_000001" in await cellar.stored(CONTAINER, PARTITION)


@pytest.mark.parametrize("carries_out", [False, True])
async def test_killed_anywhere_the_next_run_finishes(carries_out: bool) -> None:
    for at in range(1, 200):
        cellar = Cellar()
        await cellar.books.use(1, 2)
        await cellar.close("2026-11")
        cellar.books.clock.set(LATER)
        try:
            await cellar.run(port(Dying(cellar.books.documents, at, carries_out=carries_out)))
        except StoreUnavailable:
            await cellar.run()
        else:
            return
        assert cellar.archived("archive/events") == ["req_000001", "req_000002"]
        assert not [id for id in await cellar.stored(CONTAINER, PARTITION) if id.startswith("req_")]
    pytest.fail("a run takes more calls than were tried")


async def test_old_sessions_go_and_the_days_that_count_them_stay(cellar: Cellar) -> None:
    await cellar.books.use(1)
    for id, day in (("ses_old", "2026-11-10"), ("ses_new", "2027-12-01"), ("day_2026-11-10", "2026-11-10")):
        await cellar.books.documents.create("sessions", "team|search", {"id": id, "day": day})
    cellar.books.clock.set(LATER)

    assert (await cellar.run()).exported == 1
    assert await cellar.stored("sessions", "team|search") == ["day_2026-11-10", "ses_new"]
    assert cellar.archived("archive/sessions/search/") == ["ses_old"]


async def test_audit_entries_are_copied_and_the_chain_stays_whole(cellar: Cellar) -> None:
    documents = cellar.books.documents
    log = AuditLog(documents, b"pepper")
    for number in range(3):
        head = await documents.get(DIRECTORY, AUDIT, "audit-head")
        at = NOON + timedelta(days=number * 1000)
        change = [Alteration(f"teams/t{number}", None, None, "create")]
        creates, moves = log.entries_for(head, Actor("ada", "entra"), change, at)
        await documents.batch(DIRECTORY, AUDIT, [*creates, moves])
    cellar.books.clock.set(NOON + timedelta(days=2555 + 1001))

    assert (await cellar.run()).exported == 2
    assert cellar.archived("archive/audit/") == ["audit|000000000001", "audit|000000000002"]
    assert (await log.verify()).ok
    assert (await cellar.run()).exported == 0
