"""An hour out of the ordinary is told once, in words, and an ordinary one is not."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.alerts.model import Notice
from shared.alerts.service import NoticeBoard
from shared.alerts.store import NoticeStore
from shared.documents import DocumentStore, StoreUnavailable
from shared.jobs.anomalies import WAITS, Anomalies
from shared.ledger.model import Dimensions, Grain, View
from shared.money import NANO
from tests.fakes import FakeClock, MemoryDocuments, MemoryEvents
from tests.shared.jobs.cells import ALLOCATION, ListedCells
from tests.shared.watched_documents import Dying, port

HOUR = timedelta(hours=1)
TEN = datetime(2026, 3, 24, 9, tzinfo=UTC)
"""Ten in the morning of a Tuesday in Berlin."""

BERLIN = "Europe/Berlin"
SEARCH = Dimensions("search", area="retail")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(TEN + timedelta(minutes=12))


@pytest.fixture
def documents(clock: FakeClock) -> MemoryDocuments:
    return MemoryDocuments(clock)


@pytest.fixture
def ledger() -> ListedCells:
    """Five weeks until ten o'clock: sixty units an hour at work, give or take five, and six at night."""
    cells = ListedCells()
    for n in range(1, 5 * 168 + 30):
        hour = TEN - n * HOUR
        cells.spent(Grain.HOUR, hour, usual_at(hour), SEARCH)
    return cells


def usual_at(hour: datetime) -> int:
    local = hour.astimezone(ZoneInfo(BERLIN))
    is_work = 8 <= local.hour < 18 and local.weekday() < 5
    return (60 if is_work else 6) * NANO + (local.day % 5) * (NANO if is_work else NANO // 10)


def job(
    documents: DocumentStore,
    clock: FakeClock,
    ledger: ListedCells,
    zone: str = BERLIN,
    events: MemoryEvents | None = None,
) -> Anomalies:
    return Anomalies(documents, ledger, NoticeBoard(documents, events or MemoryEvents(), clock), clock, time_zone=zone)


async def begun(documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells) -> Anomalies:
    """A job that has looked at everything until ten."""
    anomalies = job(documents, clock, ledger)
    assert await anomalies.run() == 0
    return anomalies


async def notices(documents: MemoryDocuments) -> list[Notice]:
    found, _ = await NoticeStore(documents).page()
    return list(found)


async def test_an_hour_of_too_much_is_told_with_what_is_usual_and_who_it_was(
    documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells
) -> None:
    anomalies = await begun(documents, clock, ledger)
    ledger.spent(Grain.HOUR, TEN, 300 * NANO, SEARCH)
    loop = Dimensions("search", area="retail", model="gpt-4.1", key="vk_loop", user="ada")
    ledger.spent(Grain.HOUR, TEN, 250 * NANO, loop, View.DETAIL)
    ledger.spent(Grain.HOUR, TEN, 50 * NANO, Dimensions("search", area="retail", model="gpt-4o"), View.DETAIL)
    clock.advance(3600)

    assert await anomalies.run() == 1
    (notice,) = await notices(documents)
    assert (notice.kind, notice.severity, notice.team) == ("anomaly", "warning", "search")
    assert notice.title == "search spends more than usual"
    assert notice.text == (
        "search spent 300.00 USD between 10:00 and 11:00 on Tuesday 2026-03-24 (Europe/Berlin). "
        "Usual at this hour of a Tuesday is 62.00; in the weeks before it was between 60.00 and 64.00. "
        "Most of it went to gpt-4.1 with vk_loop."
    )
    assert notice.facts == (
        ("Spent", "300.00 USD"),
        ("Usual at this hour", "62.00 USD"),
        ("Range", "60.00 to 64.00 USD"),
        ("Of it gpt-4.1 with vk_loop", "250.00 USD"),
        ("Of it gpt-4o with no key", "50.00 USD"),
    )


async def test_silence_at_work_is_told_as_well(
    documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells
) -> None:
    anomalies = await begun(documents, clock, ledger)
    clock.advance(3600)

    assert await anomalies.run() == 1
    (notice,) = await notices(documents)
    assert (notice.severity, notice.title) == ("info", "search spends less than usual")


async def test_an_ordinary_week_is_quiet(documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells) -> None:
    anomalies = await begun(documents, clock, ledger)
    for n in range(168):
        ledger.spent(Grain.HOUR, TEN + n * HOUR, usual_at(TEN + n * HOUR), SEARCH)

    for _ in range(7):
        clock.advance(24 * 3600)
        assert await anomalies.run() == 0


async def test_the_same_day_is_told_again_only_when_it_doubles(
    documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells
) -> None:
    anomalies = await begun(documents, clock, ledger)
    told = []
    for n, spent in enumerate((300, 310, 320, 700, 710, 1500)):
        ledger.spent(Grain.HOUR, TEN + n * HOUR, spent * NANO, SEARCH)
        clock.advance(3600)
        told.append(await anomalies.run())

    assert told == [1, 0, 0, 1, 0, 1]
    for n in range(6, 25):
        ledger.spent(Grain.HOUR, TEN + n * HOUR, usual_at(TEN + n * HOUR) if n < 24 else 310 * NANO, SEARCH)
    clock.advance(19 * 3600)
    assert await anomalies.run() == 1


async def test_hours_that_were_missed_are_looked_at_later_but_not_those_of_long_ago(
    documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells
) -> None:
    anomalies = await begun(documents, clock, ledger)
    for n in range(96):
        hour = TEN + n * HOUR
        ledger.spent(Grain.HOUR, hour, 900 * NANO if n in (20, 90) else usual_at(hour), SEARCH)
    clock.advance(96 * 3600)

    assert await anomalies.run() == 1
    (notice,) = await notices(documents)
    assert "2026-03-28" in notice.text


async def test_nothing_is_looked_at_before_the_hour_has_settled(
    documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells
) -> None:
    anomalies = await begun(documents, clock, ledger)
    ledger.spent(Grain.HOUR, TEN, 900 * NANO, SEARCH)

    clock.set(TEN + HOUR + timedelta(minutes=9))
    assert await anomalies.run() == 0
    clock.set(TEN + HOUR + timedelta(minutes=10))
    assert await anomalies.run() == 1


@pytest.mark.parametrize("carries_out", [False, True])
@pytest.mark.parametrize("at", range(1, 4))
async def test_a_job_that_dies_tells_nothing_twice_and_forgets_nothing(
    documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells, at: int, carries_out: bool
) -> None:
    await begun(documents, clock, ledger)
    events = MemoryEvents()
    ledger.spent(Grain.HOUR, TEN, 300 * NANO, SEARCH)
    clock.advance(3600)
    with pytest.raises(StoreUnavailable):
        await job(port(Dying(documents, at, carries_out=carries_out)), clock, ledger, events=events).run()

    await job(documents, clock, ledger, events=events).run()
    clock.advance(61)
    await NoticeBoard(documents, events, clock).republish()

    assert len(await notices(documents)) == 1
    assert len(events.events) == 1


async def test_a_ledger_that_is_away_is_looked_at_again(
    documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells
) -> None:
    anomalies = await begun(documents, clock, ledger)
    ledger.spent(Grain.HOUR, TEN, 300 * NANO, SEARCH)
    clock.advance(3600)
    ledger.is_down = True
    with pytest.raises(StoreUnavailable):
        await anomalies.run()

    ledger.is_down = False
    assert await anomalies.run() == 1


async def test_teams_and_currencies_are_judged_by_themselves_and_small_ones_not_read(
    documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells
) -> None:
    anomalies = await begun(documents, clock, ledger)
    for n in range(1, 5 * 168):
        ledger.spent(Grain.HOUR, TEN - n * HOUR, NANO // 100, Dimensions("tiny"))
        ledger.spent(Grain.HOUR, TEN - n * HOUR, 10 * NANO, Dimensions("ads", currency="EUR"))
    ledger.spent(Grain.HOUR, TEN, usual_at(TEN), SEARCH)
    ledger.spent(Grain.HOUR, TEN, NANO, Dimensions("tiny"))
    ledger.spent(Grain.HOUR, TEN, 200 * NANO, Dimensions("ads", currency="EUR"))
    clock.advance(3600)

    assert await anomalies.run() == 1
    (notice,) = await notices(documents)
    assert notice.text.startswith("ads spent 200.00 EUR ")


async def test_shares_of_capacity_that_is_paid_by_the_hour_do_not_count(
    documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells
) -> None:
    anomalies = await begun(documents, clock, ledger)
    ledger.spent(Grain.HOUR, TEN, usual_at(TEN), SEARCH)
    ledger.spent(Grain.HOUR, TEN, 900 * NANO, Dimensions("search", ALLOCATION))
    clock.advance(3600)

    assert await anomalies.run() == 0


async def test_a_new_team_is_not_judged(documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells) -> None:
    anomalies = await begun(documents, clock, ledger)
    ledger.spent(Grain.HOUR, TEN, usual_at(TEN), SEARCH)
    ledger.spent(Grain.HOUR, TEN, 900 * NANO, Dimensions("new"))
    clock.advance(3600)

    assert await anomalies.run() == 0


async def test_an_hour_that_the_clock_shows_twice_is_looked_at_twice(documents: MemoryDocuments) -> None:
    clock, ledger = FakeClock(datetime(2026, 10, 25, 0, 12, tzinfo=UTC)), ListedCells()
    anomalies = job(documents, clock, ledger)
    await anomalies.run()
    ledger.windows.clear()
    clock.advance(3 * 3600)

    await anomalies.run()

    looked = [window.start for window in ledger.windows if window.end - window.start == HOUR][::2]
    assert looked == [datetime(2026, 10, 25, hour, tzinfo=UTC) for hour in (0, 1, 2)]


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Australia/Lord_Howe"])
async def test_hours_of_zones_off_the_hour_are_looked_at_in_their_order(documents: MemoryDocuments, zone: str) -> None:
    clock, ledger = FakeClock(datetime(2026, 4, 4, 12, 12, tzinfo=UTC)), ListedCells()
    anomalies = job(documents, clock, ledger, zone)
    await anomalies.run()
    ledger.windows.clear()
    clock.advance(6 * 3600)

    await anomalies.run()

    looked = [window.start for window in ledger.windows][::2]
    assert len(looked) in (6, 7)
    assert looked == sorted(set(looked))


async def test_while_sums_are_counted_anew_nothing_is_unusual_and_later_the_hours_are_looked_at(
    documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells
) -> None:
    anomalies = await begun(documents, clock, ledger)
    ledger.spent(Grain.HOUR, TEN, 300 * NANO, SEARCH)
    ledger.counted = frozenset({"ads"})
    for _ in range(3):
        clock.advance(3600)
        assert await anomalies.run() == 0

    ledger.counted = None

    assert await anomalies.run() >= 1
    assert any(notice.title == "search spends more than usual" for notice in await notices(documents))


async def test_what_can_never_be_counted_silences_the_others_for_a_day_at_most(
    documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells
) -> None:
    anomalies = await begun(documents, clock, ledger)
    ledger.spent(Grain.HOUR, TEN, 300 * NANO, SEARCH)
    ledger.counted = frozenset({"search"})
    clock.advance(WAITS.total_seconds() + 3600)

    assert await anomalies.run() == 2
    ledger.counted = frozenset()
    clock.advance(WAITS.total_seconds())
    assert await anomalies.run() == 0
