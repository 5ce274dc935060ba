"""What follows from what is spent, to the nano-unit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.budgets.model import (
    NOTHING,
    Consequence,
    allowance_of,
    ceiling_of,
    ladder_of,
    rule_of,
    standing_of,
    status_of,
)
from shared.directory.model import Budget, Mode, Threshold
from shared.leases.model import Allowance, Level
from shared.money import NANO, amount, nano
from shared.windows import CalendarPeriod, Period

NOW = datetime(2026, 1, 16, 12, tzinfo=UTC)


def alert(percent: int) -> Threshold:
    return Threshold(percent=percent)


def throttle(percent: int, requests_per_minute: int) -> Threshold:
    return Threshold(percent=percent, action="throttle", requests_per_minute=requests_per_minute)


def downshift(percent: int, model: str) -> Threshold:
    return Threshold(percent=percent, action="downshift", model=model)


def block(percent: int) -> Threshold:
    return Threshold(percent=percent, action="block")


def budget(money: str | Decimal = "10", *thresholds: Threshold, **fields: Any) -> Budget:
    marks = {"thresholds": thresholds} if thresholds else {}
    return Budget.model_validate({"id": "bud_search", "scope": "teams/search", "amount": money, **marks, **fields})


def spent(nanos: int, leased: int = 0) -> Level:
    return Level(nanos, leased, None, None)


def percents(given_budget: Budget, nanos: int) -> list[int]:
    return [threshold.percent for threshold in standing_of(given_budget, spent(nanos)).reached]


thresholds = st.lists(
    st.one_of(
        st.builds(alert, st.integers(1, 1000)),
        st.builds(throttle, st.integers(1, 1000), st.integers(1, 1000)),
        st.builds(downshift, st.integers(1, 1000), st.sampled_from(["mini", "nano"])),
        st.builds(block, st.integers(1, 1000)),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda threshold: (threshold.percent, threshold.action),
).map(tuple)
amounts = st.one_of(st.decimals(0, 10**9, places=9), st.integers(0, 5).map(amount))
budgets = st.builds(
    lambda money, marks, mode: budget(money, *marks, mode=mode), amounts, thresholds, st.sampled_from(Mode)
)
nanos = st.one_of(st.integers(0, 2 * 10**19), st.integers(0, 60))


def test_its_period_is_the_calendars_in_its_own_zone() -> None:
    fiscal = budget(period="year", time_zone="Asia/Tokyo", fiscal_year_start=4)

    assert rule_of(fiscal) == CalendarPeriod(Period.YEAR, "Asia/Tokyo", 4)


def test_its_counter_keeps_its_name_when_the_amount_is_changed() -> None:
    assert allowance_of(budget("10")) == Allowance("budget:bud_search", 10 * NANO, CalendarPeriod(Period.MONTH))
    assert allowance_of(budget("20")) == Allowance("budget:bud_search", 20 * NANO, CalendarPeriod(Period.MONTH))


@pytest.mark.parametrize(
    ("given_budget", "ceiling"),
    [
        (budget("10"), 10 * NANO),
        (budget("10", alert(50), block(150), block(120)), 12 * NANO),
        (budget("10", alert(100), throttle(100, 5)), None),
        (budget("10", mode="shadow"), None),
        (budget("10", mode="off"), None),
        (budget("0"), 0),
        (budget("0.000000001", block(150)), 1),
    ],
)
def test_calls_are_refused_beyond_the_lowest_threshold_that_blocks(given_budget: Budget, ceiling: int | None) -> None:
    assert ceiling_of(given_budget) == ceiling


@given(budgets)
def test_the_ceiling_is_never_above_what_the_threshold_says(given_budget: Budget) -> None:
    ceiling = ceiling_of(given_budget)
    blocking = [each.percent for each in given_budget.thresholds if each.action == "block"]

    assert (ceiling is None) == (given_budget.mode is not Mode.ENFORCE or not blocking)
    if ceiling is not None:
        assert ceiling * 100 <= nano(given_budget.amount) * min(blocking) < (ceiling + 1) * 100


def test_thresholds_are_reached_to_the_nano_unit() -> None:
    assert percents(budget("10"), 5 * NANO - 1) == []
    assert percents(budget("10"), 5 * NANO) == [50]
    assert percents(budget("10"), 10 * NANO - 1) == [50, 80]
    assert percents(budget("10"), 10 * NANO) == [50, 80, 100]


def test_the_percentage_is_rounded_down() -> None:
    assert standing_of(budget("10"), spent(10 * NANO - 1)).percent == 99
    assert standing_of(budget("10"), spent(25 * NANO)).percent == 250


def test_of_nothing_everything_is_spent() -> None:
    standing = standing_of(budget("0", alert(50), block(1000)), spent(0))

    assert (standing.percent, len(standing.reached)) == (100, 2)
    assert standing.consequence.is_blocked


@given(budgets, nanos)
def test_a_threshold_is_reached_when_its_part_of_the_amount_is_spent(given_budget: Budget, used: int) -> None:
    reached = standing_of(given_budget, spent(used)).reached
    total = nano(given_budget.amount)

    assert set(reached) == {
        each
        for each in given_budget.thresholds
        if given_budget.mode is not Mode.OFF and used * 100 >= total * each.percent
    }
    assert [each.percent for each in reached] == sorted(each.percent for each in reached)


@given(budgets, nanos, nanos)
def test_who_spends_more_reaches_no_less_and_bears_no_less(given_budget: Budget, one: int, other: int) -> None:
    less, more = (standing_of(given_budget, spent(used)) for used in sorted((one, other)))

    assert more.reached[: len(less.reached)] == less.reached
    assert more.percent >= less.percent
    assert more.consequence.is_blocked >= less.consequence.is_blocked
    assert more.consequence.would_block >= less.consequence.would_block
    if (rate := less.consequence.requests_per_minute) is not None:
        assert more.consequence.requests_per_minute is not None
        assert more.consequence.requests_per_minute <= rate


@given(budgets, nanos, amounts)
def test_raising_the_amount_reaches_nothing_new(given_budget: Budget, used: int, more: Decimal) -> None:
    raised = given_budget.model_copy(update={"amount": given_budget.amount + more})

    before, after = (standing_of(each, spent(used)).reached for each in (given_budget, raised))

    assert before[: len(after)] == after


@given(budgets, nanos)
def test_the_ladder_that_calls_ask_tells_the_same(given_budget: Budget, used: int) -> None:
    ladder, standing = ladder_of(given_budget), standing_of(given_budget, spent(used))

    assert ladder.reached(used) == standing.reached
    assert ladder.consequence(used) == standing.consequence


MANY = (throttle(60, 30), throttle(70, 60), downshift(80, "mini"), downshift(90, "nano"), block(100))


@pytest.mark.parametrize(
    ("percent", "consequence"),
    [
        (59, NOTHING),
        (60, Consequence(requests_per_minute=30)),
        (75, Consequence(requests_per_minute=30)),
        (80, Consequence(requests_per_minute=30, downshift="mini")),
        (95, Consequence(requests_per_minute=30, downshift="nano")),
        (100, Consequence(requests_per_minute=30, downshift="nano", is_blocked=True)),
    ],
)
def test_the_strictest_rate_and_the_last_model_count(percent: int, consequence: Consequence) -> None:
    assert standing_of(budget("1", *reversed(MANY)), spent(percent * NANO // 100)).consequence == consequence


def test_in_shadow_mode_calls_bear_nothing_and_it_is_said_what_they_would() -> None:
    shadow = budget("1", *MANY, mode="shadow")

    standing = standing_of(shadow, spent(NANO))

    assert len(standing.reached) == 5
    assert standing.consequence == Consequence(
        shadow=Consequence(requests_per_minute=30, downshift="nano", is_blocked=True)
    )
    assert standing.consequence.would_block
    assert standing_of(shadow, spent(0)).consequence == NOTHING


def test_a_budget_that_is_off_tells_what_is_spent_and_nothing_follows() -> None:
    standing = standing_of(budget("1", *MANY, mode="off"), spent(2 * NANO))

    assert (standing.spent, standing.percent, standing.reached) == (2 * NANO, 200, ())
    assert standing.consequence == NOTHING


def test_the_status_shows_the_period_in_money() -> None:
    given_budget = budget("10", block(100), alert(20), alert(50))
    window = rule_of(given_budget).at(NOW)

    status = status_of(given_budget, spent(5 * NANO, leased=NANO // 2), window, NOW)

    assert (status.amount, status.spent, status.reserved) == (Decimal(10), Decimal(5), Decimal("0.5"))
    assert (status.remaining, status.percent, status.window) == (Decimal(5), 50, window)
    assert [(each.threshold.percent, each.is_reached) for each in status.thresholds] == [
        (20, True),
        (50, True),
        (100, False),
    ]
    assert status.consequence == NOTHING
    assert status.projected == Decimal(10)


def test_nothing_remains_of_what_is_overspent() -> None:
    assert status_of(budget("1"), spent(2 * NANO), rule_of(budget("1")).at(NOW), NOW).remaining == 0


def test_a_budget_that_is_off_shows_its_thresholds_unreached() -> None:
    off = budget("1", mode="off")

    status = status_of(off, spent(2 * NANO), rule_of(off).at(NOW), NOW)

    assert [each.is_reached for each in status.thresholds] == [False, False, False]


@pytest.mark.parametrize(
    ("elapsed", "projected"),
    [
        (timedelta(), None),
        (timedelta(hours=1) - timedelta.resolution, None),
        (timedelta(hours=1), Decimal(24)),
        (timedelta(hours=12), Decimal(2)),
        (timedelta(hours=24), Decimal(1)),
        (timedelta(days=9), Decimal(1)),
    ],
)
def test_the_projection_goes_on_in_a_straight_line_after_the_first_hour(
    elapsed: timedelta, projected: Decimal | None
) -> None:
    daily = budget("10", period="day")
    window = rule_of(daily).at(NOW)

    assert status_of(daily, spent(NANO), window, window.start + elapsed).projected == projected
