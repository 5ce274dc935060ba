"""Alerts are kept once each, and read newest first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shared.budgets.model import Alert
from shared.budgets.store import CONTAINER, PARTITION, AlertStore
from shared.directory.model import Mode
from shared.documents import StoreUnavailable
from shared.windows import CalendarPeriod, Period
from tests.fakes import FakeClock, MemoryDocuments

NOW = datetime(2026, 1, 16, 12, tzinfo=UTC)
ALERT = Alert(
    budget="bud_search",
    scope="teams/search",
    team="search",
    window=CalendarPeriod(Period.MONTH, "Europe/Berlin").at(NOW),
    percent=80,
    action="alert",
    amount=Decimal("10"),
    spent=Decimal("8.000000001"),
    at=NOW,
    mode=Mode.ENFORCE,
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def documents(clock: FakeClock) -> MemoryDocuments:
    return MemoryDocuments(clock)


@pytest.fixture
def store(documents: MemoryDocuments) -> AlertStore:
    return AlertStore(documents)


async def test_an_alert_is_new_once_and_keeps_what_was_first_seen(store: AlertStore) -> None:
    assert await store.raise_once(ALERT)
    assert not await store.raise_once(replace(ALERT, amount=Decimal(20), spent=Decimal(9)))

    assert await store.page() == ((ALERT,), None)


@pytest.mark.parametrize(
    "other",
    [
        replace(ALERT, budget="bud_other"),
        replace(ALERT, percent=90),
        replace(ALERT, action="block"),
        replace(ALERT, window=CalendarPeriod(Period.MONTH, "Europe/Berlin").at(NOW + timedelta(days=31))),
    ],
    ids=["budget", "percent", "action", "period"],
)
async def test_alerts_differ_by_budget_threshold_and_period(store: AlertStore, other: Alert) -> None:
    assert await store.raise_once(ALERT)
    assert await store.raise_once(other)


async def test_money_is_stored_as_decimal_text_and_time_in_one_length(
    store: AlertStore, documents: MemoryDocuments
) -> None:
    await store.raise_once(replace(ALERT, amount=Decimal("1E+3"), spent=Decimal("1E-9")))

    document = await documents.get(CONTAINER, PARTITION, "bud_search|month-2026-01-01|80|alert")

    assert document is not None
    assert document.body == {
        "schema": 1,
        "id": "bud_search|month-2026-01-01|80|alert",
        "budget": "bud_search",
        "scope": "teams/search",
        "team": "search",
        "window": {
            "id": "month-2026-01-01",
            "start": "2025-12-31T23:00:00+00:00",
            "end": "2026-01-31T23:00:00+00:00",
        },
        "percent": 80,
        "action": "alert",
        "amount": "1000",
        "spent": "0.000000001",
        "at": "2026-01-16T12:00:00.000000+00:00",
        "mode": "enforce",
    }


async def test_pages_go_from_the_newest_to_the_oldest(store: AlertStore) -> None:
    raised = [
        replace(ALERT, percent=percent, at=NOW + timedelta(milliseconds=500 * number))
        for number, percent in enumerate((50, 80, 100))
    ]
    for alert in (raised[1], raised[0], raised[2]):
        await store.raise_once(alert)

    first, cursor = await store.page(limit=2)
    second, end = await store.page(limit=2, cursor=cursor)

    assert [alert.percent for alert in (*first, *second)] == [100, 80, 50]
    assert end is None


async def test_a_team_reads_its_own_alerts_alone(store: AlertStore) -> None:
    other = replace(ALERT, budget="bud_other", scope="teams/other", team="other")
    everybody = replace(ALERT, budget="bud_all", scope="organization", team=None)
    for alert in (ALERT, other, everybody):
        await store.raise_once(alert)

    assert await store.page(team="search") == ((ALERT,), None)
    assert {alert.budget: alert.team for alert in (await store.page())[0]} == {
        "bud_search": "search",
        "bud_other": "other",
        "bud_all": None,
    }


async def test_an_alert_is_kept_for_four_hundred_days(store: AlertStore, clock: FakeClock) -> None:
    await store.raise_once(ALERT)

    clock.advance(400 * 24 * 3600 - 1)
    assert await store.page() == ((ALERT,), None)
    clock.advance(1)
    assert await store.page() == ((), None)


async def test_whoever_raises_it_hears_that_the_store_is_down(store: AlertStore, documents: MemoryDocuments) -> None:
    documents.is_down = True

    with pytest.raises(StoreUnavailable):
        await store.raise_once(ALERT)
