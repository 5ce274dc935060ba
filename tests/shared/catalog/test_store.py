from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from shared.catalog.pools import Terms
from shared.catalog.store import PoolHour, PoolHourStore
from tests.fakes import MemoryDocuments
from tests.shared.catalog.test_pools import pool

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = PoolHour(Terms(cost=55 * 10**12, capacity=10**17, output_weight=4_000), "platform", ("a", "b"), "EUR")


async def test_an_hour_keeps_what_it_was_begun_with() -> None:
    hours = PoolHourStore(MemoryDocuments())
    assert await hours.read("main", NOON) is None

    assert await hours.begin("main", NOON, HOUR) == HOUR
    assert await hours.begin("main", NOON, PoolHour(Terms(1, 1, 1), "other", ("x",), "USD")) == HOUR

    await hours.finish("main", NOON, HOUR, "d1")
    assert await hours.read("main", NOON) == replace(HOUR, digest="d1")
    assert await hours.read("other", NOON) is None


async def test_the_end_of_what_was_done_is_remembered_of_each_pool_and_beginning() -> None:
    hours = PoolHourStore(MemoryDocuments())
    pools = [pool(), pool(name="second"), pool(effective_from=NOON)]
    assert [await hours.done_until(each) for each in pools] == [None, None, None]

    await hours.set_done_until(pools[2], NOON)

    moved = pool(effective_from=NOON.astimezone(timezone(timedelta(hours=2))), units=1)
    assert [await hours.done_until(each) for each in (*pools, moved)] == [None, None, NOON, NOON]
