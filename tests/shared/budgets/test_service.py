"""Every threshold raises one alert per period, whoever sees it and however often."""

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.budgets import service as module
from shared.budgets.model import NOTHING, Alert, Consequence, rule_of, status_of
from shared.budgets.service import BudgetService
from shared.budgets.store import AlertStore
from shared.directory.model import Budget, Mode, Threshold
from shared.documents import Document, Json
from shared.leases.model import Level
from shared.money import NANO
from shared.windows import Window
from tests.fakes import FakeClock, MemoryDocuments

NOW = datetime(2026, 1, 16, 12, tzinfo=UTC)


class CountedDocuments(MemoryDocuments):
    """Counts what is asked to be created, and what is."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.asked: Counter[str] = Counter()
        self.created: Counter[str] = Counter()

    async def create(self, container: str, partition: str, document: Json, ttl_s: int | None = None) -> Document:
        self.asked[str(document["id"])] += 1
        stored = await super().create(container, partition, document, ttl_s)
        self.created[str(document["id"])] += 1
        return stored


class Background:
    """Keeps what was spawned until it is told to run it."""

    def __init__(self) -> None:
        self.waiting: list[Coroutine[object, object, None]] = []

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        self.waiting.append(work)

    async def run(self, random: Random | None = None) -> None:
        waiting, self.waiting = self.waiting, []
        if random:
            random.shuffle(waiting)
        await asyncio.gather(*waiting)


class Bench:
    """Several instances of the service on one store."""

    def __init__(self, instances: int = 1) -> None:
        self.clock = FakeClock(NOW)
        self.documents = CountedDocuments(self.clock)
        self.alerts = AlertStore(self.documents)
        self.background = Background()
        self.services = [BudgetService(self.alerts, self.clock, self.background.spawn) for _ in range(instances)]
        self.service = self.services[0]

    async def raised(self) -> tuple[Alert, ...]:
        await self.background.run()
        return (await self.alerts.page())[0]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def budget(money: object = 10, **fields: Any) -> Budget:
    return Budget.model_validate({"id": "bud_search", "scope": "teams/search", "amount": money, **fields})


def level(money: object, given_budget: Budget | None = None, now: datetime = NOW) -> Level:
    window = rule_of(given_budget or budget()).at(now)
    return Level(int(Decimal(str(money)) * NANO), 0, None, window.end)


def month(now: datetime = NOW) -> Window:
    return rule_of(budget()).at(now)


async def test_nothing_is_raised_below_the_first_threshold(bench: Bench) -> None:
    bench.service.notice(budget(), "search", level("4.999999999"))

    assert not bench.background.waiting
    assert await bench.raised() == ()


async def test_an_alert_says_what_was_reached_when(bench: Bench) -> None:
    bench.service.notice(budget(), "search", level("5.5"))

    assert await bench.raised() == (
        Alert(
            budget="bud_search",
            scope="teams/search",
            team="search",
            window=month(),
            percent=50,
            action="alert",
            amount=Decimal(10),
            spent=Decimal("5.5"),
            at=NOW,
            mode=Mode.ENFORCE,
        ),
    )


async def test_a_jump_raises_every_threshold_that_it_passes(bench: Bench) -> None:
    bench.service.notice(budget(), "search", level(12))

    assert sorted((alert.percent, alert.action) for alert in await bench.raised()) == [
        (50, "alert"),
        (80, "alert"),
        (100, "block"),
    ]


async def test_an_instance_asks_the_store_once_however_often_it_sees_the_level(bench: Bench) -> None:
    for money in (5, 6, 5, 7):
        bench.service.notice(budget(), "search", level(money))
        await bench.background.run()
        bench.service.notice(budget(), "search", level(money))

    assert await bench.raised()
    assert bench.documents.asked == {"bud_search|month-2026-01-01|50|alert": 1}


async def test_it_asks_once_even_before_the_store_has_answered(bench: Bench) -> None:
    bench.service.notice(budget(), "search", level(5))
    bench.service.notice(budget(), "search", level(6))

    assert len(bench.background.waiting) == 1
    assert [alert.spent for alert in await bench.raised()] == [Decimal(5)]


async def test_the_next_period_raises_its_own(bench: Bench) -> None:
    bench.service.notice(budget(), "search", level(5))
    bench.clock.advance(31 * 24 * 3600)
    bench.service.notice(budget(), "search", level(5, now=bench.clock.now()))

    assert [alert.window for alert in await bench.raised()] == [month(bench.clock.now()), month()]


async def test_a_level_counts_for_its_own_period_though_that_is_over(bench: Bench) -> None:
    late = level(5)
    bench.clock.advance(31 * 24 * 3600)

    bench.service.notice(budget(), "search", late)

    assert [alert.window for alert in await bench.raised()] == [month()]


async def test_a_level_that_does_not_say_when_it_ends_counts_for_now(bench: Bench) -> None:
    bench.service.notice(budget(), "search", Level(5 * NANO, 0, None, None))

    assert [alert.window for alert in await bench.raised()] == [month()]


async def test_while_the_store_is_down_it_tries_again_at_the_next_sight(bench: Bench) -> None:
    bench.documents.is_down = True
    bench.service.notice(budget(), "search", level(5))
    await bench.background.run()
    bench.documents.is_down = False

    assert await bench.raised() == ()
    bench.service.notice(budget(), "search", level(5))
    assert len(await bench.raised()) == 1


async def test_shadow_alerts_and_off_does_not(bench: Bench) -> None:
    bench.service.notice(budget(id="bud_shadow", mode="shadow"), "search", level(5))
    bench.service.notice(budget(id="bud_off", mode="off"), "search", level(5))

    assert [(alert.budget, alert.mode) for alert in await bench.raised()] == [("bud_shadow", Mode.SHADOW)]


async def test_raising_the_amount_and_spending_on_raises_nothing_twice(bench: Bench) -> None:
    bench.service.notice(budget(10), "search", level(6))
    bench.service.notice(budget(20), "search", level(6))
    bench.service.notice(budget(20), "search", level(11))
    bench.service.notice(budget(20), "search", level(16))

    assert [(alert.percent, alert.amount) for alert in await bench.raised()] == [(80, 20), (50, 10)]
    assert max(bench.documents.asked.values()) == 1


async def test_a_refusal_raises_the_alert_of_what_blocks_though_a_little_is_left(bench: Bench) -> None:
    bench.service.notice_refusal(budget(), "search", level("9.99"))
    bench.service.notice_refusal(budget(), "search", level("9.999"))
    bench.service.notice(budget(), "search", level(10))

    raised = await bench.raised()

    assert [(alert.spent, alert.percent) for alert in raised if alert.action == "block"] == [(Decimal("9.99"), 100)]
    assert max(bench.documents.asked.values()) == 1


async def test_a_refusal_is_nothing_to_a_budget_that_does_not_block(bench: Bench) -> None:
    bench.service.notice_refusal(budget(thresholds=[{"percent": 50}]), "search", level(1))

    assert await bench.raised() == ()


async def test_every_alert_is_logged_once_without_money(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "tollgate.budgets"):
        for _ in range(2):
            bench.service.notice(budget(), "search", level("5.25"))
            await bench.background.run()

    assert caplog.messages == ["budget bud_search in month-2026-01-01: alert of the threshold at 50 % (alert, enforce)"]


async def test_an_alert_that_another_instance_has_raised_is_not_logged_again(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(instances=3)
    with caplog.at_level(logging.WARNING, "tollgate.budgets"):
        for service in bench.services:
            service.notice(budget(), "search", level(5))
        assert len(await bench.raised()) == 1

    assert len(caplog.messages) == 1


async def test_what_is_remembered_is_bounded_and_the_store_knows_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 4)
    bench = Bench()
    for _ in range(2):
        for number in range(20):
            bench.service.notice(budget(id=f"bud_{number}"), "search", level(5))
            await bench.background.run()

    assert set(bench.documents.asked.values()) == {2}
    assert set(bench.documents.created.values()) == {1}
    assert len(bench.documents.created) == 20


BLOCKING = budget(thresholds=[{"percent": 50, "action": "throttle", "requests_per_minute": 6}, {"percent": 100}])


def test_what_calls_bear_ends_with_the_period(bench: Bench) -> None:
    end = month().end

    assert bench.service.consequence(BLOCKING, level(4), NOW) == NOTHING
    assert bench.service.consequence(BLOCKING, level(5), end - timedelta.resolution) == Consequence(6)
    assert bench.service.consequence(BLOCKING, level(5), end) == NOTHING


def test_what_calls_bear_follows_a_change_of_the_budget_at_once(bench: Bench) -> None:
    assert bench.service.consequence(budget(5), level(5), NOW).is_blocked
    assert not bench.service.consequence(budget(6), level(5), NOW).is_blocked


def test_the_status_is_that_of_the_period(bench: Bench) -> None:
    assert bench.service.status(budget(), level(5), month(), NOW) == status_of(budget(), level(5), month(), NOW)


# What may happen: an instance sees a level under some amount, days pass, the store fails or recovers, the background runs.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("sees"), st.integers(0, 2), st.integers(0, 25), st.sampled_from([5, 10, 20])),
        st.tuples(st.just("later"), st.integers(0, 20)),
        st.tuples(st.just("store"), st.booleans()),
        st.tuples(st.just("runs"), st.integers(0, 1000)),
    ),
    max_size=30,
)
WEEKLY = [
    Threshold(percent=50),
    Threshold(percent=50, action="throttle", requests_per_minute=6),
    Threshold(percent=100, action="block"),
]


@given(steps)
@settings(max_examples=150, deadline=None)
def test_each_threshold_raises_one_alert_per_period_whatever_happens(happened: list[tuple[Any, ...]]) -> None:
    asyncio.run(_each_threshold_raises_one_alert_per_period(happened))


async def _each_threshold_raises_one_alert_per_period(happened: list[tuple[Any, ...]]) -> None:
    bench, expected, seen = Bench(instances=3), set(), []
    for step in happened:
        match step:
            case ("sees", instance, used, money):
                given_budget = budget(money, period="week", thresholds=WEEKLY)
                sight = (bench.services[instance], given_budget, level(used, given_budget, bench.clock.now()))
                seen.append(sight)
                sight[0].notice(given_budget, "search", sight[2])
                window = rule_of(given_budget).at(bench.clock.now())
                expected |= {
                    f"bud_search|{window.id}|{each.percent}|{each.action}"
                    for each in WEEKLY
                    if used * 100 >= money * each.percent
                }
            case ("later", days):
                bench.clock.advance(days * 24 * 3600)
            case ("store", is_down):
                bench.documents.is_down = is_down
            case ("runs", seed):
                await bench.background.run(Random(seed))
    await bench.background.run()
    bench.documents.is_down = False
    for service, given_budget, sight_level in seen:
        service.notice(given_budget, "search", sight_level)
    await bench.background.run()

    assert bench.documents.created == dict.fromkeys(expected, 1)
