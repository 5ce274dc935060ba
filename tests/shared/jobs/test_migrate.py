from shared.jobs.migrate import BUDGET_S, migrate
from shared.ledger.model import CONTAINER
from shared.ledger.posting import entry_of
from shared.ledger.service import LedgerService
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.ledger.synthetic import event, per_token

BETWEEN_TICKS_S = 300


async def test_usage_events_of_earlier_versions_come_to_the_newest_schema() -> None:
    documents, clock = MemoryDocuments(), FakeClock()
    for n in range(250):
        old = {"schema": 1, "id": f"req_{n:03}", "team": "search", "started_at": "2026-11-21T05:00:00+00:00"}
        await documents.create(CONTAINER, "search|2026-11", old)

    progress = await migrate(documents, clock)
    page = await documents.query(CONTAINER, "search|2026-11", limit=1000)

    assert (progress.upgraded, progress.unfinished) == (2 * 250, ())
    assert {document.body["schema"] for document in page.documents} == {3}
    assert (await migrate(documents, clock)).looked_at == 0


async def test_what_the_ledger_keeps_beside_the_events_is_left_alone() -> None:
    documents, clock = MemoryDocuments(), FakeClock()
    entry = entry_of(event(), per_token(event()), clock.now())
    await LedgerService(documents, clock, time_zone="UTC").post([entry], [event()])
    await documents.create(CONTAINER, "periods", {"schema": 1, "id": "2026-11", "state": "open"})
    before = await documents.changes(CONTAINER, limit=1000)

    progress = await migrate(documents, clock)

    assert (progress.upgraded, progress.unfinished) == (0, ())
    assert await documents.changes(CONTAINER, limit=1000) == before


def test_a_run_ends_before_the_next_tick() -> None:
    assert BUDGET_S < BETWEEN_TICKS_S
