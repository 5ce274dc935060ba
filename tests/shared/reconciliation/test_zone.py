"""The time zone that the ledger is counted by is written down, and another one is noticed."""

import pytest

from shared.reconciliation.periods import PeriodStore
from shared.reconciliation.zone import ZoneStore
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.watched_documents import Meddled, port


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def documents(clock: FakeClock) -> MemoryDocuments:
    return MemoryDocuments(clock)


async def test_the_first_time_zone_is_settled(documents: MemoryDocuments, clock: FakeClock) -> None:
    store = ZoneStore(documents, clock, "UTC")

    state = await store.state()

    assert (state.time_zone, state.before, state.is_settled) == ("UTC", None, True)
    assert await store.state() == state
    assert [period async for period in PeriodStore(documents, clock).all()] == []


async def test_another_one_is_not_until_somebody_says_so(documents: MemoryDocuments, clock: FakeClock) -> None:
    await ZoneStore(documents, clock, "UTC").state()
    clock.advance(60)
    store = ZoneStore(documents, clock, "Europe/Berlin")

    state = await store.state()

    assert (state.time_zone, state.before, state.since, state.is_settled) == (
        "Europe/Berlin",
        "UTC",
        clock.now(),
        False,
    )
    await store.settle(state)
    assert (await store.state()).is_settled


async def test_a_change_in_the_meantime_is_not_settled_with_the_one_before(
    documents: MemoryDocuments, clock: FakeClock
) -> None:
    first, second = (ZoneStore(documents, clock, zone) for zone in ("UTC", "Europe/Berlin"))
    await first.state()
    state = await second.state()
    await first.state()

    await second.settle(state)

    assert not (await first.state()).is_settled


@pytest.mark.parametrize("at", [1, 2])
async def test_of_two_instances_both_see_the_same(documents: MemoryDocuments, clock: FakeClock, at: int) -> None:
    other = ZoneStore(documents, clock, "UTC")
    store = ZoneStore(port(Meddled(documents, at, other.state)), clock, "UTC")

    assert await store.state() == await other.state()
