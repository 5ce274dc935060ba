"""What is out of the ordinary is found, and an ordinary week raises no alarm."""

import math
import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.forecasts.usual import HISTORY, Direction, Habits, habits_of
from shared.money import NANO

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
START = datetime(2026, 3, 2, tzinfo=UTC)
END = START + HISTORY
BERLIN = "Europe/Berlin"
LEAST = 5 * NANO


def spend(hour: datetime, zone: str, rng: random.Random, noise: float) -> int:
    """An office: busy from eight to six on weekdays, little at night, next to nothing on the weekend."""
    local = hour.astimezone(ZoneInfo(zone))
    base = (60 if 8 <= local.hour < 18 else 6) * (1 if local.weekday() < 5 else 0.15)
    return int(base * NANO * math.exp(rng.gauss(0, noise)))


def history(seed: int = 1, noise: float = 0.2, zone: str = BERLIN, until: datetime = END) -> dict[datetime, int]:
    rng, hours = random.Random(seed), {}
    hour = START
    while hour < until:
        hours[hour] = spend(hour, zone, rng, noise)
        hour += HOUR
    return hours


def learned(hours: dict[datetime, int], end: datetime = END, zone: str = BERLIN) -> Habits:
    habits = habits_of(hours, max(min(hours), end - HISTORY), end, zone, LEAST)
    assert habits is not None
    return habits


@pytest.mark.parametrize("noise", [0.1, 0.2, 0.3])
def test_an_ordinary_week_raises_no_alarm(noise: float) -> None:
    alarms = 0
    for seed in range(6):
        hours = history(seed, noise, until=END + WEEK)
        habits = learned({hour: spent for hour, spent in hours.items() if hour < END})
        alarms += sum(habits.judge(END + n * HOUR, hours[END + n * HOUR]) is not None for n in range(168))

    assert alarms == 0


@pytest.mark.parametrize("hour", [9, 12, 15])
def test_four_times_as_much_at_work_is_found(hour: int) -> None:
    at = END + timedelta(days=1, hours=hour)
    verdict = learned(history()).judge(at, 240 * NANO)

    assert verdict is not None
    assert verdict.direction is Direction.HIGH
    assert 45 * NANO < verdict.usual.lowest <= verdict.usual.median <= verdict.usual.highest < 100 * NANO
    assert verdict.difference == 240 * NANO - verdict.usual.median


def test_a_working_hours_spending_on_sunday_night_is_found() -> None:
    night = END - timedelta(days=1) + timedelta(hours=1) + WEEK

    assert learned(history()).judge(night, 60 * NANO) is not None
    assert learned(history()).judge(END + timedelta(hours=10), 60 * NANO) is None


def test_silence_at_work_is_found_and_at_night_is_none() -> None:
    habits = learned(history())

    verdict = habits.judge(END + timedelta(hours=10), 0)
    assert verdict is not None
    assert verdict.direction is Direction.LOW
    assert habits.judge(END + timedelta(hours=1), 0) is None


def test_cents_are_not_multiples() -> None:
    hours = {hour: spent // 1000 for hour, spent in history().items()}

    assert learned(hours).judge(END + timedelta(hours=10), NANO) is None


def test_a_team_that_works_in_bursts_is_not_told_of_each_burst() -> None:
    rng = random.Random(3)
    hours = {START + n * HOUR: (60 * NANO if rng.random() < 0.05 else 0) for n in range(5 * 168)}

    habits = learned(hours)
    assert not any(habits.judge(END + n * HOUR, 60 * NANO) for n in range(168))
    assert habits.judge(END + HOUR, 6000 * NANO) is not None


def test_one_strange_hour_in_the_past_does_not_hide_the_next() -> None:
    hours = history()
    strange = END - WEEK + timedelta(hours=10)
    hours[strange] = 5000 * NANO

    assert learned(hours).judge(strange + WEEK + HOUR, 300 * NANO) is not None


def test_with_less_than_two_weeks_the_hour_of_the_day_counts() -> None:
    hours = history(until=START + timedelta(days=9))
    habits = learned(hours, START + timedelta(days=9))
    at = START + timedelta(days=9, hours=10)

    verdict = habits.judge(at, 1000 * NANO)
    assert verdict is not None
    assert not verdict.usual.by_week
    assert len(habits.seasons) == 24


def test_with_less_than_three_days_nothing_is_judged() -> None:
    end = START + timedelta(days=3) - HOUR

    assert habits_of(history(until=end), START, end, BERLIN, LEAST) is None


def test_hours_without_spending_count_as_nothing_spent() -> None:
    hours = {hour: 60 * NANO for hour in history() if hour < START + WEEK}

    usual = learned(hours).usual(END + timedelta(hours=10))
    assert usual is not None
    assert (usual.median, usual.lowest, usual.highest) == (0, 0, 60 * NANO)


def test_the_hour_on_the_clock_counts_when_clocks_change() -> None:
    """Europe's clocks went forward on 2026-03-29: nine in the morning is an hour earlier in UTC from then on."""
    hours = history(noise=0.05, until=datetime(2026, 3, 30, tzinfo=UTC))
    habits = learned(hours, datetime(2026, 3, 30, tzinfo=UTC))
    nine_in_summer = datetime(2026, 3, 30, 7, tzinfo=UTC)

    assert habits.judge(datetime(2026, 3, 30, 6, tzinfo=UTC), 60 * NANO) is None
    usual = habits.usual(nine_in_summer)
    assert usual is not None
    assert usual.median > 50 * NANO
    assert habits.seasons[6, 2] == tuple(hours[START + timedelta(days=6, hours=1) + n * WEEK] for n in range(3))


def test_an_hour_that_the_clock_shows_twice_is_one_hour() -> None:
    end = datetime(2026, 10, 26, tzinfo=UTC)
    first = end - HISTORY
    hours = {first + n * HOUR: NANO for n in range(5 * 168)}
    habits = habits_of(hours, first, end, BERLIN, LEAST)

    assert habits is not None
    assert len(habits.seasons[6, 2]) == 6


def test_a_correction_below_nothing_is_no_error() -> None:
    hours = {hour: -NANO for hour in history()}

    assert learned(hours).judge(END, -2 * NANO) is None
    assert learned(hours).judge(END, 100 * NANO) is not None
