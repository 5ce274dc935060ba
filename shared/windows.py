"""Windows of time: half-open UTC intervals in which something is counted, found from the time alone, so that nothing resets them."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """`start <= t < end`, both in UTC; `id` names it among the windows of its rule."""

    id: str
    start: datetime
    end: datetime

    def holds(self, now: datetime) -> bool:
        return self.start <= now < self.end


class WindowRule(Protocol):
    def at(self, now: datetime) -> Window:
        """Return the window that holds `now`."""


@dataclass(frozen=True, slots=True)
class FixedWindow:
    """Windows of equal length, counted from the epoch."""

    seconds: int

    def at(self, now: datetime) -> Window:
        length = timedelta(seconds=self.seconds)
        number = (now - _EPOCH) // length
        start = _EPOCH + number * length
        return Window(str(number), start, start + length)


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class CalendarPeriod:
    """Calendar periods in a time zone. Weeks begin on Monday; quarters and years follow the fiscal year's first month.

    `at` takes some microseconds: who asks at every call keeps the window for as long as it holds.
    """

    period: Period
    time_zone: str = "UTC"
    first_month: int = 1

    def at(self, now: datetime) -> Window:
        zone = ZoneInfo(self.time_zone)
        first = self._first_day(now.astimezone(zone).date())
        end = _midnight(self._next(first), zone)
        if end <= now:  # The clock went back across midnight: what it shows twice counts for the later day.
            first = self._next(first)
            end = _midnight(self._next(first), zone)
        return Window(f"{self.period}-{first.isoformat()}", _midnight(first, zone), end)

    def _first_day(self, day: date) -> date:
        if self.period is Period.DAY:
            return day
        if self.period is Period.WEEK:
            return day - timedelta(days=day.weekday())
        if self.period is Period.MONTH:
            return day.replace(day=1)
        months = 3 if self.period is Period.QUARTER else 12
        return _months_later(day.replace(day=1), -((day.month - self.first_month) % months))

    def _next(self, first: date) -> date:
        if self.period in (Period.DAY, Period.WEEK):
            return first + timedelta(days=1 if self.period is Period.DAY else 7)
        return _months_later(first, {Period.MONTH: 1, Period.QUARTER: 3}.get(self.period, 12))


def _months_later(first: date, months: int) -> date:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment at which the clock shows that day or, where the whole day is skipped, a later one."""
    midnight = datetime.combine(day, time())
    moment = midnight.replace(tzinfo=zone).astimezone(UTC)
    if _clock(moment, zone) == midnight:
        return moment
    before = midnight.replace(tzinfo=zone, fold=1).astimezone(UTC)
    seconds = range(int((moment - before).total_seconds()))
    skip = bisect_left(seconds, True, key=lambda second: _clock(before + timedelta(seconds=second), zone) >= midnight)
    return before + timedelta(seconds=skip)


def _clock(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)
