"""What a period will cost in the end, told from its days and those before: a figure with an interval, or the reason why there is none.

A day of the week costs what it cost on average over the last eight weeks, times a guarded trend. The interval covers 80 % and
follows from the errors that the same arithmetic made on those days. Amounts are whole nano-units; only ratios are floats.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

FIT_DAYS, SEASONAL_DAYS, FEWEST_DAYS = 56, 21, 7
_RECENT = 14
_BELIEVED, _STEEPEST = 0.7, 0.25
_TAIL = 0.1
_ONE_DAY = timedelta(days=1)


class Span(NamedTuple):
    """Days of a calendar, half-open: `first <= day < end`."""

    first: date
    end: date

    def days(self) -> int:
        return (self.end - self.first).days


class Method(StrEnum):
    """How the forecast was made.

    WEEKDAYS: by the day of the week. MEAN: too few days for that, so every day is the mean. OVER: the period is over, nothing is guessed.
    TOO_LITTLE: fewer than seven whole days are known, so there is no forecast.
    """

    WEEKDAYS = "weekdays"
    MEAN = "mean"
    OVER = "over"
    TOO_LITTLE = "too_little"


@dataclass(frozen=True, slots=True)
class Forecast:
    """Nano-units at the period's end: four of five times between `low` and `high`. None where too little is known to say."""

    expected: int | None
    low: int | None
    high: int | None
    spent: int
    method: Method


@dataclass(frozen=True, slots=True)
class _Fit:
    """What each weekday costs, and the errors in the days it was told from, as a share of what was told, in ascending order."""

    weekdays: tuple[int, ...]
    trend: float
    errors: tuple[float, ...]
    days: int

    def day(self, weekday: int) -> int:
        return scaled(self.weekdays[weekday], self.trend)


def forecast(
    days: Sequence[tuple[date, int]],
    period: tuple[date, date],
    today: date,
    corrections: Sequence[tuple[date, int]] = (),
) -> Forecast:
    """Forecast what is spent from the period's first day up to, and without, its end.

    `days` are daily totals in nano-units, in any order and also from before the period; a day that is missing after the first
    one given cost nothing. `today` is not over: what is spent of it counts as spent, and the larger of that and a usual day is expected.
    `corrections` are told like days, and may be several of one: those of the period are added once, and say nothing of days to come.

    With p the expectation of each day to come, n the days of the fit, and q the tenth and ninetieth percentile of its relative
    errors, the interval is  expected + q * sqrt(sum(p^2) + 4 * sum(p)^2 / n):  each day errs by itself, and the level errs for all
    of them, twice as much as if days did not depend on each other. Where there is a trend, its side is wider by as much as it adds.
    """
    totals = dict(days)
    span = Span(*period)
    used, corrected = (_spent(each, span, today) for each in (totals.items(), corrections))
    spent = used + corrected
    if today >= span.end:
        return Forecast(spent, spent, spent, spent, Method.OVER)
    known = _known(totals, today)
    if len(known) < FEWEST_DAYS:
        return Forecast(None, None, None, spent, Method.TOO_LITTLE)
    fit = _fit(known)
    ahead = [fit.day(day.weekday()) for day in _each(max(today, span.first), span.end)]
    started = totals.get(today, 0) if today >= span.first else 0
    expected = spent - started + max(started, ahead[0]) + sum(ahead[1:])
    below, above = _margins(fit, ahead)
    method = Method.WEEKDAYS if len(known) >= SEASONAL_DAYS else Method.MEAN
    return Forecast(expected, max(spent, expected - below), expected + above, spent, method)


def _spent(days: Iterable[tuple[date, int]], span: Span, today: date) -> int:
    return sum(total for day, total in days if span.first <= day < span.end and day <= today)


def scaled(nanos: int, ratio: float) -> int:
    """Return an amount times a ratio of six decimal places, rounded down."""
    return nanos * round(ratio * 1_000_000) // 1_000_000


def quantile(ascending: Sequence[float], share: float) -> float:
    """Return the value that this share lies below, between neighbours in proportion."""
    place = share * (len(ascending) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (ascending[above] - ascending[below]) * (place - below)


def _known(totals: Mapping[date, int], today: date) -> list[tuple[date, int]]:
    """Return the whole days before today, at most eight weeks of them, with those on which nothing was spent."""
    past = [day for day in totals if day < today]
    if not past:
        return []
    first = max(min(past), today - FIT_DAYS * _ONE_DAY)
    return [(day, totals.get(day, 0)) for day in _each(first, today)]


def _each(first: date, end: date) -> list[date]:
    return [first + number * _ONE_DAY for number in range((end - first).days)]


def _fit(known: Sequence[tuple[date, int]]) -> _Fit:
    weekdays = _weekdays(known)
    trend = _trend(known, weekdays)
    errors = sorted((total - told) / told for day, total in known if (told := _without(known, day)) > 0)
    return _Fit(weekdays, trend, tuple(errors) or (0.0,), len(known))


def _weekdays(known: Sequence[tuple[date, int]]) -> tuple[int, ...]:
    if len(known) < SEASONAL_DAYS:
        mean = sum(total for _, total in known) // len(known)
        return (mean,) * 7
    by_weekday: list[list[int]] = [[] for _ in range(7)]
    for day, total in known:
        by_weekday[day.weekday()].append(total)
    return tuple(sum(totals) // len(totals) for totals in by_weekday)


def _without(known: Sequence[tuple[date, int]], left_out: date) -> int:
    """Return what a day would have been told to cost by the others: its own figure must not make it look well told."""
    is_seasonal = len(known) >= SEASONAL_DAYS
    others = [
        total for day, total in known if day != left_out and (not is_seasonal or day.weekday() == left_out.weekday())
    ]
    return sum(others) // len(others)


def _trend(known: Sequence[tuple[date, int]], weekdays: Sequence[int]) -> float:
    """Return how the last two weeks compare with all of them: seven tenths of the difference, and a quarter at most.

    Not all of it, because a week of much is more often an exception than the beginning of something.
    """
    recent = known[-_RECENT:]
    usual = sum(weekdays[day.weekday()] for day, _ in recent)
    if len(known) < 2 * _RECENT or not usual:
        return 1.0
    ratio = 1 + (sum(total for _, total in recent) / usual - 1) * _BELIEVED
    return min(max(ratio, 1 - _STEEPEST), 1 + _STEEPEST)


def _margins(fit: _Fit, ahead: Sequence[int]) -> tuple[int, int]:
    total = sum(ahead)
    spread = math.isqrt(sum(day * day for day in ahead) + 4 * total * total // fit.days)
    below = scaled(spread, max(0.0, -quantile(fit.errors, _TAIL))) + scaled(total, max(0.0, 1 - fit.trend))
    above = scaled(spread, max(0.0, quantile(fit.errors, 1 - _TAIL))) + scaled(total, max(0.0, fit.trend - 1))
    return below, above
