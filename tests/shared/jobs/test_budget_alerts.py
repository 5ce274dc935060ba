"""Every alert of a budget becomes one notice, with its period's zone and, where the ledger can tell, a forecast."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shared.alerts.model import AlertingConfig, Notice
from shared.alerts.service import NoticeBoard
from shared.alerts.store import NoticeStore
from shared.budgets.model import Alert
from shared.budgets.store import AlertStore
from shared.directory.model import ORGANIZATION, Budget, Level, Mode, Organization
from shared.directory.service import DirectoryUnavailable
from shared.documents import DocumentStore, StoreUnavailable
from shared.jobs.budget_alerts import FIRST_LOOK, BudgetAlerts
from shared.ledger.model import Dimensions, EntryType, Grain
from shared.money import NANO
from shared.windows import CalendarPeriod, Period
from tests.fakes import FakeClock, MemoryDocuments, MemoryEvents
from tests.shared.jobs.alerting import CONFIG
from tests.shared.jobs.cells import ALLOCATION, ListedCells
from tests.shared.watched_documents import Dying, port

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
BERLIN = "Europe/Berlin"
ALERT = Alert(
    budget="bud_search",
    scope="teams/search",
    team="search",
    window=CalendarPeriod(Period.MONTH, BERLIN).at(NOW),
    percent=80,
    action="alert",
    amount=Decimal(1000),
    spent=Decimal(812),
    at=NOW - timedelta(minutes=1),
    mode=Mode.ENFORCE,
)


class Chains:
    """The directory: one budget, at whatever scope is asked for."""

    def __init__(self, time_zone: str = BERLIN) -> None:
        self.time_zone = time_zone
        self.is_down = False

    async def chain(self, scope: str) -> tuple[Level, ...]:
        if self.is_down:
            raise DirectoryUnavailable
        budget = Budget(id="bud_search", scope=scope, amount=Decimal(1000), time_zone=self.time_zone)
        return (Level(scope, Organization(), budgets=(budget,)),)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def documents(clock: FakeClock) -> MemoryDocuments:
    return MemoryDocuments(clock)


@pytest.fixture
def ledger() -> ListedCells:
    """Ten units a day for eight weeks, half of them by team search of area retail."""
    cells = ListedCells()
    day = CalendarPeriod(Period.DAY, BERLIN)
    for n in range(1, 57):
        start = day.at(NOW - timedelta(days=n)).start
        cells.spent(Grain.DAY, start, 5 * NANO, Dimensions("search", area="retail"))
        cells.spent(Grain.DAY, start, 5 * NANO, Dimensions("ads"))
    return cells


def job(
    documents: DocumentStore,
    clock: FakeClock,
    *,
    directory: Chains | None = None,
    ledger: ListedCells | None = None,
    events: MemoryEvents | None = None,
) -> BudgetAlerts:
    return BudgetAlerts(
        documents,
        AlertStore(documents),
        NoticeBoard(documents, events or MemoryEvents(), clock),
        clock,
        directory=directory,
        ledger=ledger,
        time_zone=BERLIN,
        config=AlertingConfig.model_validate(CONFIG),
    )


async def notices(documents: MemoryDocuments) -> list[Notice]:
    found, _ = await NoticeStore(documents).page()
    return list(found)


async def test_an_alert_is_told_once_however_often_the_job_runs(documents: MemoryDocuments, clock: FakeClock) -> None:
    await AlertStore(documents).raise_once(ALERT)

    assert await job(documents, clock).run() == 1
    clock.advance(60)
    assert await job(documents, clock).run() == 0
    (notice,) = await notices(documents)
    assert (notice.id, notice.team, notice.link) == (ALERT.id, "search", "https://console.example")


async def test_each_threshold_and_each_period_is_told(documents: MemoryDocuments, clock: FakeClock) -> None:
    store = AlertStore(documents)
    for other in (ALERT, replace(ALERT, percent=100, action="block")):
        await store.raise_once(other)
    await job(documents, clock).run()
    clock.advance(30 * 86_400)
    april = CalendarPeriod(Period.MONTH, BERLIN).at(clock.now())
    await store.raise_once(replace(ALERT, window=april, at=clock.now()))

    assert await job(documents, clock).run() == 1
    assert len({notice.id for notice in await notices(documents)}) == 3


async def test_alerts_of_long_ago_are_not_told_at_the_first_start(documents: MemoryDocuments, clock: FakeClock) -> None:
    await AlertStore(documents).raise_once(replace(ALERT, at=NOW - FIRST_LOOK - timedelta(minutes=11)))

    assert await job(documents, clock).run() == 0


async def test_alerts_of_a_long_outage_are_told_afterwards_the_oldest_first(
    documents: MemoryDocuments, clock: FakeClock
) -> None:
    events = MemoryEvents()
    await job(documents, clock).run()
    for n in range(250):
        await AlertStore(documents).raise_once(replace(ALERT, budget=f"bud_{n:03}", at=NOW + timedelta(minutes=n)))
    clock.advance(3 * 86_400)

    assert await job(documents, clock, events=events).run() == 250
    assert [event["id"] for event in events.events] == sorted(event["id"] for event in events.events)


async def test_an_alert_that_was_stored_late_is_told(documents: MemoryDocuments, clock: FakeClock) -> None:
    await job(documents, clock).run()
    await AlertStore(documents).raise_once(replace(ALERT, at=NOW - timedelta(minutes=5)))
    clock.advance(60)

    assert await job(documents, clock).run() == 1


@pytest.mark.parametrize("carries_out", [False, True])
@pytest.mark.parametrize("at", range(1, 6))
async def test_a_job_that_dies_loses_no_alert_and_doubles_none(
    documents: MemoryDocuments, clock: FakeClock, at: int, carries_out: bool
) -> None:
    events = MemoryEvents()
    for percent in (50, 80):
        await AlertStore(documents).raise_once(replace(ALERT, percent=percent))
    with pytest.raises(StoreUnavailable):
        await job(port(Dying(documents, at, carries_out=carries_out)), clock, events=events).run()

    clock.advance(61)
    await job(documents, clock, events=events).run()
    await NoticeBoard(documents, events, clock).republish()
    clock.advance(61)
    await NoticeBoard(documents, events, clock).republish()

    assert sorted(event["id"] for event in events.events) == [
        "bud_search|month-2026-03-01|50|alert",
        "bud_search|month-2026-03-01|80|alert",
    ]


async def test_the_period_is_told_in_the_budgets_zone_or_in_utc_where_nobody_knows_it(
    documents: MemoryDocuments, clock: FakeClock
) -> None:
    directory = Chains()
    await AlertStore(documents).raise_once(ALERT)
    await job(documents, clock, directory=directory).run()
    directory.is_down = True
    await AlertStore(documents).raise_once(replace(ALERT, percent=90))
    await job(documents, clock, directory=directory).run()

    told = {notice.id.split("|")[2]: dict(notice.facts)["Period"] for notice in await notices(documents)}
    assert told == {
        "80": "month from 2026-03-01 00:00 to 2026-04-01 00:00 (Europe/Berlin)",
        "90": "month from 2026-02-28 23:00 to 2026-03-31 22:00 (UTC)",
    }


@pytest.mark.parametrize(
    ("scope", "expected"), [("teams/search", "155.00"), ("areas/retail", "155.00"), (ORGANIZATION, "310.00")]
)
async def test_the_end_of_the_period_is_forecast_from_what_the_ledger_has_of_the_scope(
    documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells, scope: str, expected: str
) -> None:
    await AlertStore(documents).raise_once(replace(ALERT, scope=scope))

    await job(documents, clock, directory=Chains(), ledger=ledger).run()

    (notice,) = await notices(documents)
    assert dict(notice.facts)["Expected at the end"].startswith(f"{expected}, between ")


async def test_what_was_adjusted_is_added_once(
    documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells
) -> None:
    day = CalendarPeriod(Period.DAY, BERLIN)
    credit = Dimensions("search", EntryType.ADJUSTMENT, area="retail")
    for days_ago in (1, 2, 40):
        ledger.spent(Grain.DAY, day.at(NOW - timedelta(days=days_ago)).start, -30 * NANO, credit)
    ledger.spent(Grain.DAY, day.at(NOW - timedelta(days=3)).start, 0, Dimensions("search", ALLOCATION, area="retail"))
    await AlertStore(documents).raise_once(ALERT)

    await job(documents, clock, directory=Chains(), ledger=ledger).run()

    (notice,) = await notices(documents)
    assert dict(notice.facts)["Expected at the end"].startswith("95.00, between ")


@pytest.mark.parametrize(
    ("scope", "zone"),
    [("teams/search/users/ada", BERLIN), ("keys/vk_1", BERLIN), ("teams/search", "Asia/Tokyo")],
)
async def test_what_the_ledgers_totals_cannot_tell_is_not_forecast(
    documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells, scope: str, zone: str
) -> None:
    await AlertStore(documents).raise_once(replace(ALERT, scope=scope))

    assert await job(documents, clock, directory=Chains(zone), ledger=ledger).run() == 1
    (notice,) = await notices(documents)
    assert "Expected at the end" not in dict(notice.facts)
    assert ledger.windows == []


async def test_while_the_ledger_is_counted_anew_alerts_come_without_a_forecast(
    documents: MemoryDocuments, clock: FakeClock, ledger: ListedCells
) -> None:
    await AlertStore(documents).raise_once(ALERT)
    ledger.counted = frozenset()

    assert await job(documents, clock, directory=Chains(), ledger=ledger).run() == 1

    (notice,) = await notices(documents)
    assert "Expected at the end" not in dict(notice.facts)
