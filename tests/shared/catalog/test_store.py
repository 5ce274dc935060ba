from datetime import UTC, datetime

from shared.catalog.pools import Terms
from shared.catalog.store import PoolHour, PoolHourStore
from tests.fakes import MemoryDocuments

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
TERMS = Terms(cost=55 * 10**12, capacity=10**17, output_weight=4_000)


async def test_an_hour_keeps_the_terms_that_it_was_begun_with() -> None:
    hours = PoolHourStore(MemoryDocuments())
    assert await hours.read("main", NOON) is None

    assert await hours.begin("main", NOON, TERMS) == PoolHour(TERMS)
    assert await hours.begin("main", NOON, Terms(1, 1, 1)) == PoolHour(TERMS)

    await hours.finish("main", NOON, PoolHour(TERMS, "d1"))
    assert await hours.read("main", NOON) == PoolHour(TERMS, "d1")
    assert await hours.read("other", NOON) is None


async def test_the_end_of_what_was_done_is_remembered() -> None:
    hours = PoolHourStore(MemoryDocuments())
    assert await hours.done_until() is None

    await hours.set_done_until(NOON)

    assert await hours.done_until() == NOON
