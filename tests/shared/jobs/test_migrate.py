from shared.jobs.migrate import BUDGET_S, migrate
from shared.usage.model import EVENTS
from tests.fakes import FakeClock, MemoryDocuments

BETWEEN_TICKS_S = 300


async def test_usage_events_of_earlier_versions_come_to_the_newest_schema() -> None:
    documents, clock = MemoryDocuments(), FakeClock()
    for n in range(250):
        event = {"schema": 1, "id": f"req_{n:03}", "team": "search", "started_at": "2026-11-21T05:00:00+00:00"}
        await documents.create(EVENTS, "search|2026-11", event)

    progress = await migrate(documents, clock)
    page = await documents.query(EVENTS, "search|2026-11", limit=1000)

    assert (progress.upgraded, progress.unfinished) == (250, ())
    assert {document.body["schema"] for document in page.documents} == {2}
    assert (await migrate(documents, clock)).looked_at == 0


def test_a_run_ends_before_the_next_tick() -> None:
    assert BUDGET_S < BETWEEN_TICKS_S
