"""A month is closed once, for good, with everything proved; what comes later is listed."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.documents import DocumentStore, StoreUnavailable
from shared.ledger.model import CONTAINER, Dimensions, Entry
from shared.reconciliation.closing import GRACE, ClosingService, MonthNotOver
from shared.reconciliation.model import Period, State
from shared.reconciliation.months import Calendar, MonthInvalid
from shared.reconciliation.periods import PeriodStore
from shared.reconciliation.service import LONGEST_S
from tests.shared.reconciliation.books import NOON, PARTITION, Books, Lasting, adjustment, entry_for, event_of
from tests.shared.watched_documents import Dying, Meddled, port

CLOSED_ON = datetime(2026, 12, 6, 9, tzinfo=UTC)


class Desk:
    """The books, and who closes them."""

    def __init__(self, time_zone: str = "UTC", after_days: int | None = None) -> None:
        self.books = Books(time_zone=time_zone)
        self.calendar = Calendar(time_zone, 4)
        self.after_days = after_days
        self.closing = self.service(self.books.documents)

    def service(self, documents: DocumentStore) -> ClosingService:
        books = self.books
        periods = PeriodStore(documents, books.clock)
        reconciliation = books.service(documents)
        return ClosingService(periods, reconciliation, books.store, books.clock, self.calendar, self.after_days)

    async def closed(self, *, accept_unpriced: bool = False) -> Period:
        self.books.clock.set(CLOSED_ON)
        await self.closing.close("2026-11", "ada", accept_unpriced=accept_unpriced)
        self.books.clock.advance(GRACE.total_seconds())
        return await self.closing.advance("2026-11")


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_month_is_closed_with_the_sums_of_its_teams_and_cost_centers(desk: Desk) -> None:
    await desk.books.use(1, 2, cost_center="41")
    await desk.books.use(3, cost_center="42")
    await desk.books.use(4, team="other")
    await desk.books.use(5, at=NOON + timedelta(days=25))

    period = await desk.closed()

    assert (period.state, period.closing_by, period.month.label) == (State.CLOSED, "ada", "FY2026-P08")
    assert period.snapshot is not None
    assert period.snapshot.cost == {"USD": 4 * 1_000_000_007}
    assert (period.snapshot.teams, period.snapshot.entries, period.snapshot.requests) == (2, 4, 4)
    snapshot = await PeriodStore(desk.books.documents, desk.books.clock).snapshot("2026-11", "search")
    assert snapshot is not None
    assert [(total.cost_center, total.cost) for total in snapshot.totals] == [
        ("41", 2 * 1_000_000_007),
        ("42", 1_000_000_007),
    ]
    head = await desk.books.store.head("search", "2026-11")
    assert snapshot.heads == {"2026-11": (head.sequence, head.digest)}


async def test_closing_waits_until_every_instance_has_heard_of_it(desk: Desk) -> None:
    await desk.books.use(1)
    desk.books.clock.set(CLOSED_ON)
    await desk.closing.close("2026-11", "ada")

    desk.books.clock.advance(GRACE.total_seconds() - 1)
    assert (await desk.closing.advance("2026-11")).state is State.CLOSING

    desk.books.clock.advance(1)
    assert (await desk.closing.advance("2026-11")).state is State.CLOSED
    assert await desk.closing.state("2026-11") == "closed"
    assert await desk.closing.state("2026-12") == "open"
    assert desk.closing.fiscal_label(NOON) == "FY2026-P08"


async def test_a_month_that_goes_on_cannot_be_closed(desk: Desk) -> None:
    with pytest.raises(MonthNotOver):
        await desk.closing.close("2026-11", "ada")
    with pytest.raises(MonthInvalid):
        await desk.closing.close("November", "ada")


async def test_closing_twice_changes_nothing(desk: Desk) -> None:
    await desk.books.use(1)
    period = await desk.closed()
    desk.books.clock.advance(3600)

    assert await desk.closing.close("2026-11", "eve") == period
    assert await desk.closing.advance("2026-11") == period


async def test_requests_without_a_price_stand_in_the_way_until_they_are_accepted(desk: Desk) -> None:
    await desk.books.ledger.post([entry_for(1, cost=None)], [event_of(1)])

    period = await desk.closed()
    assert (period.state, period.blockers) == (State.CLOSING, ("search: 1 requests have no price",))

    period = await desk.closing.close("2026-11", "eve", accept_unpriced=True)
    assert (period.closing_by, period.accepts_unpriced) == ("ada", True)
    period = await desk.closing.advance("2026-11")
    assert period.state is State.CLOSED
    assert period.snapshot is not None
    assert period.snapshot.unpriced == 1


async def test_an_entry_that_has_lost_its_event_is_named_and_does_not_stand_in_the_way(desk: Desk) -> None:
    await desk.books.use(1, 2)
    await desk.books.documents.delete(CONTAINER, PARTITION, "req_000001")

    period = await desk.closed()

    assert period.snapshot is not None
    assert (period.snapshot.without_event, period.snapshot.entries) == (1, 2)
    assert await desk.closing.period("2026-11") == period


async def test_what_is_too_large_to_prove_is_said_to_be(desk: Desk) -> None:
    await desk.books.use(1)
    desk.closing = desk.service(port(Lasting(desk.books.documents, desk.books.clock, LONGEST_S)))

    period = await desk.closed()

    assert period.blockers == ("search: the ledger of 2026-11 is too large to prove in one run",)


@pytest.mark.parametrize("time_zone", ["America/New_York", "Asia/Kolkata", "Pacific/Auckland"])
async def test_when_the_time_zone_changes_every_moment_still_belongs_to_one_month(desk: Desk, time_zone: str) -> None:
    edge = datetime(2026, 12, 1, tzinfo=UTC)
    end = edge.replace(month=12, day=31)
    await desk.books.use(1)
    for number, at in enumerate((edge - timedelta.resolution, edge, edge + timedelta(hours=4, minutes=59), end), 2):
        await desk.books.ledger.post([entry_for(number, at)], [event_of(number, at)])
    november = await desk.closed()

    moved = Desk(time_zone)
    moved.books.clock, moved.books.documents, moved.books.store = (
        desk.books.clock,
        desk.books.documents,
        desk.books.store,
    )
    closing = moved.service(desk.books.documents)
    moved.books.clock.set(datetime(2027, 1, 6, tzinfo=UTC))
    await closing.close("2026-12", "ada")
    moved.books.clock.advance(60)
    blocked = await closing.advance("2026-12")
    assert blocked.blockers == (f"the ledger is being counted anew: the reporting time zone has become {time_zone}",)

    service = moved.books.service(desk.books.documents)
    await service.zone.settle(await service.zone.state())
    december = await closing.advance("2026-12")

    assert december.month.window.start == november.month.window.end
    assert november.snapshot is not None
    assert december.snapshot is not None
    assert (november.snapshot.entries, december.snapshot.entries) == (2, 3)
    january = await closing.period("2027-01")
    assert january.month.window.start == december.month.window.end


async def test_what_cannot_be_proved_stands_in_the_way(desk: Desk) -> None:
    await desk.books.use(1)
    await desk.books.documents.create(CONTAINER, PARTITION, {"id": "zzz", "kind": "mystery"})

    period = await desk.closed()

    assert (period.state, period.blockers) == (State.CLOSING, ("search: the ledger of 2026-11 is not proved",))


async def test_work_that_is_not_settled_is_named_and_does_not_stand_in_the_way(desk: Desk) -> None:
    entry = Entry("led_req_000001", NOON, NOON, Dimensions("search"), {"requests": 1, "pending": 1}, "req_000001")
    await desk.books.ledger.post([entry], [event_of(1)])

    period = await desk.closed()

    assert period.snapshot is not None
    assert period.snapshot.pending == 1


async def test_what_is_posted_later_is_listed_and_leaves_the_snapshot_alone(desk: Desk) -> None:
    await desk.books.use(1)
    await desk.books.use(2, at=NOON + timedelta(days=25))
    period = await desk.closed()
    assert [entry async for entry in desk.closing.adjustments_since_close("2026-11")] == []

    late = [adjustment(1, NOON, -5, CLOSED_ON), adjustment(2, NOON, 7, CLOSED_ON, team="newcomer")]
    await desk.books.ledger.post([*late, adjustment(3, NOON + timedelta(days=26), 9)])

    listed = [entry async for entry in desk.closing.adjustments_since_close("2026-11")]
    assert sorted(listed, key=lambda entry: entry.id) == late
    assert await desk.closing.period("2026-11") == period
    assert [entry async for entry in desk.closing.adjustments_since_close("2026-12")] == []


async def test_a_month_whose_end_lies_in_a_busy_partition_is_closed_all_the_same() -> None:
    """In New York November ends five hours into December, whose traffic never rests."""
    desk = Desk("America/New_York")
    december = datetime(2026, 12, 1, 4, tzinfo=UTC)
    await desk.books.use(1)
    await desk.books.ledger.post([entry_for(2, december)], [event_of(2, december)])
    numbers = iter(range(100, 100_000))

    async def go_on() -> None:
        number = next(numbers)
        await desk.books.ledger.post([entry_for(number, CLOSED_ON)], [event_of(number, CLOSED_ON)])

    class Busy(Meddled):
        async def before(self, name: str) -> None:
            await go_on()

    desk.closing = desk.service(port(Busy(desk.books.documents, 0, go_on)))
    period = await desk.closed()

    assert period.state is State.CLOSED
    assert period.snapshot is not None
    assert period.snapshot.entries == 2


async def test_what_is_due_closes_by_itself() -> None:
    desk = Desk(after_days=5)
    await desk.books.use(1)
    await desk.books.use(2, at=NOON - timedelta(days=31))
    desk.books.clock.set(datetime(2026, 12, 5, 23, 59, tzinfo=UTC))
    assert [period.month.id for period in await desk.closing.tend(60)] == []
    assert await desk.closing.state("2026-10") == "closing"
    assert await desk.closing.state("2026-11") == "open"

    desk.books.clock.advance(60)
    assert [period.month.id for period in await desk.closing.tend(60)] == ["2026-10"]
    desk.books.clock.advance(60)
    assert [period.month.id for period in await desk.closing.tend(60)] == ["2026-11"]
    assert [period.month.id for period in await desk.closing.tend(60)] == []
    assert await desk.closing.state("2026-09") == "open"


async def test_without_a_rule_nothing_closes_by_itself(desk: Desk) -> None:
    await desk.books.use(1)
    desk.books.clock.advance(90 * 24 * 3600)
    assert await desk.closing.tend(60) == []
    assert await desk.closing.state("2026-11") == "open"


@pytest.mark.parametrize("carries_out", [False, True])
async def test_closing_that_is_killed_anywhere_goes_on_and_ends_the_same(carries_out: bool) -> None:
    digests: set[str] = set()
    for at in range(1, 200):
        desk = Desk(after_days=5)
        await desk.books.use(1, cost_center="41")
        await desk.books.use(2, team="other")
        desk.books.clock.set(CLOSED_ON)
        dying = Dying(desk.books.documents, at, carries_out=carries_out)
        died = await until_closed(desk.service(port(dying)), desk)
        if died:
            assert not await until_closed(desk.closing, desk)
        period = await desk.closing.period("2026-11")
        assert period.state is State.CLOSED
        assert period.snapshot is not None
        digests.add(period.snapshot.digest)
        if not died:
            assert len(digests) == 1
            return
    pytest.fail("closing takes more calls than were tried")


async def until_closed(closing: ClosingService, desk: Desk) -> bool:
    """Tend until the month is closed, and say whether the store died before."""
    try:
        for _ in range(3):
            await closing.tend(60)
            desk.books.clock.advance(60)
    except StoreUnavailable:
        return True
    return False


@pytest.mark.parametrize("at", range(1, 30))
async def test_two_instances_at_once_do_not_disturb_each_other(at: int) -> None:
    desk = Desk()
    await desk.books.use(1)
    desk.books.clock.set(CLOSED_ON)
    await desk.closing.close("2026-11", "ada")
    desk.books.clock.advance(60)
    other = desk.service(desk.books.documents)
    meddled = desk.service(port(Meddled(desk.books.documents, at, lambda: other.advance("2026-11"))))

    period = await meddled.advance("2026-11")

    assert period.state is State.CLOSED
    assert period == await desk.closing.period("2026-11")


async def test_a_team_is_looked_at_by_the_next_tick_where_time_is_up(desk: Desk) -> None:
    await desk.books.use(1)
    desk.books.clock.set(CLOSED_ON)
    await desk.closing.close("2026-11", "ada")
    desk.books.clock.advance(60)

    period = await desk.closing.advance("2026-11", desk.books.clock.monotonic())

    assert (period.state, period.blockers) == (State.CLOSING, ("not every team could be looked at yet",))
    assert (await desk.closing.advance("2026-11")).state is State.CLOSED
