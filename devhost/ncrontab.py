"""Timer schedules as the host reads them: NCRONTAB with six fields (or five), or a constant interval `hh:mm:ss`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_INTERVAL = re.compile(r"(?:(\d+)\.)?(\d{1,8}):(\d{1,2})(?::(\d{1,2}))?")
_SEARCH_YEARS = 41  # 29 February on a given weekday can be forty years away, across 2100


class ScheduleInvalid(Exception):
    """The host would not start a timer with this schedule."""


class Schedule(Protocol):
    def next_after(self, moment: datetime) -> datetime:
        """Return the first occurrence later than `moment`."""


@dataclass(frozen=True, slots=True)
class Every:
    """A constant interval from one run to the next."""

    interval: timedelta

    def next_after(self, moment: datetime) -> datetime:
        return moment + self.interval


@dataclass(frozen=True, slots=True)
class Crontab:
    """The values of each field; a day must fit the day of the month and the weekday (0 is Sunday)."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def next_after(self, moment: datetime) -> datetime:
        earliest = moment.replace(microsecond=0) + timedelta(seconds=1)
        for day in self._days_from(earliest.date()):
            start = (earliest.hour, earliest.minute, earliest.second) if day == earliest.date() else (0, 0, 0)
            if (time_of_day := self._time_from(start)) is not None:
                hour, minute, second = time_of_day
                return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=moment.tzinfo)
        raise ScheduleInvalid("The schedule never occurs.")

    def matches(self, moment: datetime) -> bool:
        return (
            moment.second in self.seconds
            and moment.minute in self.minutes
            and moment.hour in self.hours
            and self._includes(moment.date())
        )

    def _includes(self, day: date) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays

    def _days_from(self, first: date) -> Iterator[date]:
        for offset in range(_SEARCH_YEARS * 366):
            day = first + timedelta(days=offset)
            if self._includes(day):
                yield day

    def _time_from(self, start: tuple[int, int, int]) -> tuple[int, int, int] | None:
        hour, minute, second = start
        for candidate in (value for value in self.hours if value >= hour):
            earliest_minute = minute if candidate == hour else 0
            for candidate_minute in (value for value in self.minutes if value >= earliest_minute):
                is_first_minute = (candidate, candidate_minute) == (hour, minute)
                for candidate_second in (value for value in self.seconds if not is_first_minute or value >= second):
                    return candidate, candidate_minute, candidate_second
        return None


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()

    def parse(self, text: str) -> list[int]:
        """Return the field's values in order: a list of `*`, `a`, `a-b`, each with an optional `/step`."""
        values: set[int] = set()
        for part in text.split(","):
            span, slash, step_text = part.partition("/")
            step = self._number(step_text, part) if slash else 1
            if step < 1:
                raise ScheduleInvalid(f"The {self.name} '{part}' has a step below one.")
            first, last = self._span(span, bool(slash))
            values.update(range(first, last + 1, step))
        return sorted(values)

    def _span(self, text: str, has_step: bool) -> tuple[int, int]:
        if text == "*":
            return self.lowest, self.highest
        start, dash, end = text.partition("-")
        first = self._value(start)
        last = self._value(end) if dash else self.highest if has_step else first
        if last < first:
            raise ScheduleInvalid(f"The {self.name} '{text}' goes backwards; the host would swap its ends.")
        return first, last

    def _value(self, text: str) -> int:
        for offset, name in enumerate(self.names):
            if text and name.lower().startswith(text.lower()):
                return self.lowest + offset
        value = self._number(text, text)
        if not self.lowest <= value <= self.highest:
            raise ScheduleInvalid(f"The {self.name} {value} is not between {self.lowest} and {self.highest}.")
        return value

    def _number(self, text: str, shown: str) -> int:
        if not (text.isascii() and text.isdigit()):
            raise ScheduleInvalid(f"The {self.name} '{shown}' is not understood.")
        return int(text)


_SECOND, _MINUTE, _HOUR = _Field("second", 0, 59), _Field("minute", 0, 59), _Field("hour", 0, 23)
_DAY, _MONTH, _WEEKDAY = _Field("day", 1, 31), _Field("month", 1, 12, _MONTHS), _Field("weekday", 0, 6, _DAYS)


def parse(expression: str) -> Schedule:
    """Read a timer's schedule. Raises ScheduleInvalid."""
    if interval := _INTERVAL.fullmatch(expression.strip()):
        return Every(_timespan(*interval.groups(default="0")))
    fields = expression.split()
    if len(fields) not in (5, 6):
        raise ScheduleInvalid(f"The schedule '{expression}' has neither six fields nor the form hh:mm:ss.")
    second, minute, hour, day, month, weekday = fields if len(fields) == 6 else ("0", *fields)
    schedule = Crontab(
        tuple(_SECOND.parse(second)),
        tuple(_MINUTE.parse(minute)),
        tuple(_HOUR.parse(hour)),
        frozenset(_DAY.parse(day)),
        frozenset(_MONTH.parse(month)),
        frozenset(_WEEKDAY.parse(weekday)),
    )
    schedule.next_after(datetime(2024, 1, 1))  # noqa: DTZ001 - refuses 30 February now rather than at the first tick
    return schedule


def _timespan(days: str, hours: str, minutes: str, seconds: str) -> timedelta:
    if int(hours) >= 24:  # .NET then reads dd:hh:mm
        days, hours, minutes, seconds = hours, minutes, seconds, "0"
    interval = timedelta(days=int(days), hours=int(hours), minutes=int(minutes), seconds=int(seconds))
    if not interval:
        raise ScheduleInvalid("The interval of a timer must be longer than nothing.")
    return interval
