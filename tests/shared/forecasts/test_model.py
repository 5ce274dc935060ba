"""The forecast is right four times of five within its interval, whole in money, and silent where too little is known."""

import math
import random
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.forecasts.model import Forecast, Method, forecast, quantile, scaled
from shared.money import NANO

FIRST = date(2026, 1, 5)
START = FIRST + timedelta(days=84)
END = START + timedelta(days=30)
WEEK = (100, 110, 120, 110, 90, 20, 15)
"""From Monday to Sunday, in whole units."""

type Days = list[tuple[date, int]]


def level_at(kind: str, day: int, before: float, rng: random.Random) -> float:
    """A level that stays, grows by a third a month, wanders, or jumps two weeks before the period."""
    if kind == "growing":
        return 1 + 0.01 * day
    if kind == "wandering":
        return before * math.exp(rng.gauss(0, 0.03))
    return 1.4 if kind == "jump" and day >= 70 else 1.0


def series(kind: str, noise: float, rng: random.Random) -> Days:
    days, level = [], 1.0
    for n in range((END - FIRST).days):
        day = FIRST + timedelta(days=n)
        level = level_at(kind, n, level, rng)
        days.append((day, int(WEEK[day.weekday()] * NANO * level * math.exp(rng.gauss(0, noise)))))
    return days


def total(days: Sequence[tuple[date, int]]) -> int:
    return sum(spent for day, spent in days if START <= day < END)


@pytest.mark.parametrize(
    ("kind", "noise"),
    [("steady", 0.15), ("steady", 0.3), ("steady", 0.6), ("growing", 0.3), ("wandering", 0.3)],
)
def test_the_interval_holds_what_is_spent_in_about_four_of_five_months(kind: str, noise: float) -> None:
    """The back-test: 150 months with fixed seeds, asked on the first, fourth, eleventh and twenty-first day."""
    held = 0
    for seed in range(150):
        rng = random.Random(seed)
        days = series(kind, noise, rng)
        today = START + timedelta(days=(0, 3, 10, 20)[seed % 4])
        told = forecast([each for each in days if each[0] < today], (START, END), today)
        assert told.low is not None
        assert told.high is not None
        held += told.low <= total(days) <= told.high

    assert 0.65 <= held / 150 <= 0.95


def test_a_jump_of_the_level_is_believed_in_part() -> None:
    days = series("jump", 0.1, random.Random(1))
    told = forecast([each for each in days if each[0] < START], (START, END), START)

    assert told.expected is not None
    assert told.high is not None
    assert 0.85 * total(days) < told.expected < total(days) < told.high


def test_a_week_that_repeats_itself_exactly_is_told_exactly() -> None:
    days = [(FIRST + timedelta(days=n), WEEK[n % 7] * NANO) for n in range(84)]
    expected = sum(WEEK[(START + timedelta(days=n)).weekday()] for n in range(30)) * NANO

    assert forecast(days, (START, END), START) == Forecast(expected, expected, expected, 0, Method.WEEKDAYS)


def test_what_is_spent_counts_as_spent_and_today_as_a_usual_day_at_least() -> None:
    days = [(FIRST + timedelta(days=n), 10 * NANO) for n in range(84 + 10)]
    today = START + timedelta(days=10)

    quiet = forecast([*days, (today, NANO)], (START, END), today)
    busy = forecast([*days, (today, 50 * NANO)], (START, END), today)

    assert (quiet.spent, quiet.expected) == (101 * NANO, 300 * NANO)
    assert (busy.spent, busy.expected) == (150 * NANO, 340 * NANO)


def test_with_less_than_a_week_nothing_is_guessed() -> None:
    days = [(START + timedelta(days=n), 10 * NANO) for n in range(6)]

    told = forecast(days, (START, END), START + timedelta(days=6))

    assert told == Forecast(None, None, None, 60 * NANO, Method.TOO_LITTLE)
    assert forecast([], (START, END), START).method is Method.TOO_LITTLE


def test_with_less_than_three_weeks_every_day_is_the_mean() -> None:
    days = [(START + timedelta(days=n), WEEK[n % 7] * NANO) for n in range(14)]

    told = forecast(days, (START, END), START + timedelta(days=14))

    assert told.method is Method.MEAN
    assert told.expected == told.spent + 16 * (sum(WEEK) * NANO // 7)


def test_a_period_that_is_over_is_not_guessed() -> None:
    days = [(START + timedelta(days=n), NANO) for n in range(40)]

    assert forecast(days, (START, END), END) == Forecast(30 * NANO, 30 * NANO, 30 * NANO, 30 * NANO, Method.OVER)


def test_a_period_that_has_not_begun_is_told_from_the_days_before() -> None:
    days = [(FIRST + timedelta(days=n), 10 * NANO) for n in range(70)]

    told = forecast(days, (START, END), FIRST + timedelta(days=70))

    assert (told.expected, told.spent) == (300 * NANO, 0)


def test_days_on_which_nothing_was_spent_count() -> None:
    days = [(FIRST + timedelta(days=n), 70 * NANO) for n in range(0, 84, 7)]

    assert forecast(days, (START, END), START).expected == 5 * 70 * NANO


@settings(max_examples=60)
@given(
    st.dictionaries(st.integers(0, 113), st.integers(0, 10**18), max_size=114),
    st.integers(0, 120),
)
def test_a_forecast_is_whole_and_in_order_whatever_was_spent(spent: dict[int, int], today: int) -> None:
    days = [(FIRST + timedelta(days=n), nanos) for n, nanos in spent.items()]
    told = forecast(days, (START, END), FIRST + timedelta(days=today))

    assert told == forecast(days[::-1], (START, END), FIRST + timedelta(days=today))
    if told.expected is None:
        assert told.method is Method.TOO_LITTLE
    else:
        assert told.low is not None
        assert told.high is not None
        assert {type(figure) for figure in (told.expected, told.low, told.high, told.spent)} == {int}
        assert told.spent <= told.low <= told.expected <= told.high


def test_ratios_of_large_amounts_stay_exact() -> None:
    assert scaled(10**24 + 1, 1.0) == 10**24 + 1
    assert scaled(10**24, 0.25) == 25 * 10**22
    assert quantile([1.0, 2.0, 3.0], 0.25) == 1.5
    assert quantile([1.0], 0.9) == 1.0


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 120), st.integers(-(10**12), 10**12)), max_size=20), st.integers(84, 120))
def test_corrections_are_added_once_whatever_they_are(corrected: list[tuple[int, int]], today: int) -> None:
    days = [(FIRST + timedelta(days=n), 10 * NANO) for n in range(120)]
    now = FIRST + timedelta(days=today)
    corrections = [(FIRST + timedelta(days=n), nanos) for n, nanos in corrected]
    added = sum(nanos for day, nanos in corrections if START <= day < END and day <= now)

    plain, told = forecast(days, (START, END), now), forecast(days, (START, END), now, corrections)

    assert None not in (plain.expected, plain.low, plain.high)
    assert told == Forecast(
        plain.expected + added,  # type: ignore[operator]
        plain.low + added,  # type: ignore[operator]
        plain.high + added,  # type: ignore[operator]
        plain.spent + added,
        plain.method,
    )
