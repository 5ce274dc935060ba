"""What the management API takes for questions about money and use."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from shared.fields import Strict
from shared.ledger.model import DIMENSIONS
from shared.management.problems import invalid
from shared.management.requests import Paging
from shared.windows import CalendarPeriod, Period, Window

TAG = "tag"
GROUPS = (*DIMENSIONS, TAG)
"""What figures can be grouped by and filtered with."""

MOST_GROUPS = 3
MOST_DAYS_LISTED = 1_200
_DATE = len("2026-11-01")
_MOMENT = "must be a date such as 2026-11-01, or a time with its zone such as 2026-11-01T00:00:00Z"


def _moment(text: str) -> str:
    try:
        is_date = len(text) == _DATE
        moment = date.fromisoformat(text) if is_date else datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(_MOMENT) from None
    # What is near the ends of the calendar cannot be moved to another zone.
    if not 2000 <= moment.year < 2200 or (isinstance(moment, datetime) and moment.tzinfo is None):
        raise ValueError(_MOMENT)
    return text


def _groups(text: str) -> str:
    names = names_in(text)
    unknown = [name for name in names if name not in GROUPS]
    if unknown or len(set(names)) != len(names) or len(names) > MOST_GROUPS:
        raise ValueError(f"takes up to {MOST_GROUPS} different names of {', '.join(GROUPS)}, with commas between them")
    return text


def names_in(text: str | None) -> tuple[str, ...]:
    return tuple(name for part in (text or "").split(",") if (name := part.strip()))


Moment = Annotated[str, Field(max_length=40), AfterValidator(_moment)]
Groups = Annotated[str, Field(max_length=100), AfterValidator(_groups)]
Value = Annotated[str, Field(min_length=1, max_length=250)]


class Span(Strict):
    """A half-open stretch of time; without bounds it is the current month up to now. A date begins where the finance zone has it."""

    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None

    @property
    def wanted(self) -> Mapping[str, str]:
        """The values that figures must have, by dimension."""
        return {}


class Filter(Span):
    """Every field keeps only what has just this value."""

    team: Value | None = None
    area: Value | None = None
    application: Value | None = None
    user: Value | None = None
    key: Value | None = None
    cost_center: Value | None = None
    client: Value | None = None
    project: Value | None = None
    endpoint: Value | None = None
    model: Value | None = None
    deployment: Value | None = None
    provider: Value | None = None
    region: Value | None = None
    tier: Value | None = None
    capacity: Value | None = None
    type: Value | None = None
    currency: Value | None = None
    tag: Value | None = None

    @property
    def wanted(self) -> Mapping[str, str]:
        return {name: value for name in GROUPS if (value := getattr(self, name)) is not None}


class CostQuery(Filter):
    grain: Literal["hour", "day", "month", "total"] = "total"
    group_by: Groups | None = None

    @property
    def groups(self) -> tuple[str, ...]:
        return names_in(self.group_by)


class EntryQuery(Filter, Paging):
    pass


class ExportQuery(EntryQuery):
    """`ndjson` streams everything at once, one entry a line; `json` gives pages."""

    format: Literal["json", "ndjson"] = "json"


class EntryChoice(Strict):
    """An entry is found by its team and the time of its use, as lists show them."""

    team: Value
    at: Moment


class ForecastQuery(Strict):
    team: Value | None = None


def window_of(span: Span, now: datetime, time_zone: str) -> Window:
    """Return what was asked for, in UTC. Raises Invalid."""
    month = CalendarPeriod(Period.MONTH, time_zone).at(now)
    start = moment_of(span.from_, time_zone) if span.from_ else None
    end = moment_of(span.to, time_zone) if span.to else None
    start = start or (month.start if end is None or end > month.start else _month_before(end, time_zone))
    end = end or now
    if start >= end:
        raise invalid("to" if span.to else "from", "must leave some time between from and to")
    return Window("asked", start, end)


def list_window(span: Span, now: datetime, time_zone: str) -> Window:
    """Return what was asked for, if it is not longer than a list can go through. Raises Invalid."""
    window = window_of(span, now, time_zone)
    if window.end - window.start > timedelta(days=MOST_DAYS_LISTED):
        raise invalid("from", f"must be at most {MOST_DAYS_LISTED} days before the end")
    return window


def moment_of(text: str, time_zone: str) -> datetime:
    """Return a moment in UTC; a date is the moment at which it begins in the time zone."""
    if len(text) == _DATE:
        noon = datetime.fromisoformat(f"{text}T12:00:00").replace(tzinfo=ZoneInfo(time_zone)).astimezone(UTC)
        return CalendarPeriod(Period.DAY, time_zone).at(noon).start
    return datetime.fromisoformat(text).astimezone(UTC)


def _month_before(end: datetime, time_zone: str) -> datetime:
    return CalendarPeriod(Period.MONTH, time_zone).at(end - timedelta(seconds=1)).start
