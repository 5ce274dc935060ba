"""What is locked stays locked, and every instance hears of it within seconds."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.documents import StoreUnavailable
from shared.reconciliation.model import Period, Snapshot, TeamSnapshot, Total
from shared.reconciliation.months import Calendar
from shared.reconciliation.periods import FRESH_S, PeriodChanged, PeriodStore
from tests.fakes import FakeClock, MemoryDocuments

NOVEMBER = Calendar().month("2026-11")
INSIDE = datetime(2026, 11, 30, 23, 59, 59, 999999, tzinfo=UTC)
NOW = datetime(2026, 12, 6, tzinfo=UTC)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def documents(clock: FakeClock) -> MemoryDocuments:
    return MemoryDocuments(clock)


async def lock(documents: MemoryDocuments, clock: FakeClock) -> None:
    store = PeriodStore(documents, clock)
    period = Period(NOVEMBER).closing("ada", NOW, accepts_unpriced=False)
    await store.save(period, None)


async def test_a_month_is_open_until_it_is_locked(documents: MemoryDocuments, clock: FakeClock) -> None:
    store = PeriodStore(documents, clock)
    assert not await store.is_locked(INSIDE)

    await lock(documents, clock)
    clock.advance(FRESH_S)

    assert await store.is_locked(INSIDE)
    assert not await store.is_locked(NOVEMBER.window.end)
    assert not await store.is_locked(NOVEMBER.window.start - timedelta.resolution)


async def test_the_store_is_asked_once_in_five_seconds(documents: MemoryDocuments, clock: FakeClock) -> None:
    store = PeriodStore(documents, clock)
    assert not await store.is_locked(INSIDE)
    documents.is_down = True
    clock.advance(FRESH_S - 0.1)
    assert not await store.is_locked(INSIDE)

    clock.advance(0.1)
    with pytest.raises(StoreUnavailable):
        await store.is_locked(INSIDE)


async def test_what_is_known_to_be_locked_needs_no_store(documents: MemoryDocuments, clock: FakeClock) -> None:
    await lock(documents, clock)
    store = PeriodStore(documents, clock)
    assert await store.is_locked(INSIDE)

    documents.is_down = True
    clock.advance(3600)
    assert await store.is_locked(INSIDE)


async def test_of_two_who_change_a_month_one_is_told(documents: MemoryDocuments, clock: FakeClock) -> None:
    store = PeriodStore(documents, clock)
    saved = await store.save(Period(NOVEMBER), None)
    await store.save(saved.period.blocked(("a reason",)), saved.etag)

    with pytest.raises(PeriodChanged):
        await store.save(saved.period, saved.etag)
    with pytest.raises(PeriodChanged):
        await store.save(saved.period, None)


async def test_everything_comes_back_as_it_was_stored(documents: MemoryDocuments, clock: FakeClock) -> None:
    store = PeriodStore(documents, clock)
    period = Period(NOVEMBER).closing("ada", NOW, accepts_unpriced=True)
    closed = period.closed(Snapshot({"USD": 2**60 + 1}, 1, 2, 3, 4, 5, "abc"), NOW)
    team = TeamSnapshot("search", NOW, (Total(None, "USD", {"cost": 2**60 + 1}),), {"2026-11": (3, "d")}, "e")
    await store.save(closed, None)
    await store.keep_snapshot("2026-11", team)

    assert (await store.read(NOVEMBER)).period == closed
    assert [item async for item in store.all()] == [closed]
    assert [item async for item in store.snapshots("2026-11")] == [team]
    assert await store.snapshot("2026-11", "other") is None


async def test_a_teams_part_is_the_one_that_was_kept_first(documents: MemoryDocuments, clock: FakeClock) -> None:
    store = PeriodStore(documents, clock)
    first = TeamSnapshot("search", NOW, (), {}, "first")
    await store.keep_snapshot("2026-11", first)

    assert await store.keep_snapshot("2026-11", TeamSnapshot("search", NOW, (), {}, "second")) == first
