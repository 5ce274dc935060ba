"""When reports are due: once for each day, week or month that is over, found from the time alone, also after a standstill."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from shared.finance.facts import Days
from shared.finance.model import ReportConfig, Schedule
from shared.windows import CalendarPeriod, Period

SETTLE = timedelta(hours=1)
"""How long after its end a period's last usage may take to be posted."""

CATCH_UP = {Schedule.DAILY: 14, Schedule.WEEKLY: 6, Schedule.MONTHLY: 6}
"""How many periods back a report that was missed is still made."""

_PERIODS = {Schedule.DAILY: Period.DAY, Schedule.WEEKLY: Period.WEEK, Schedule.MONTHLY: Period.MONTH}


def over(schedule: Schedule, now: datetime, time_zone: str) -> Iterator[Days]:
    """Return the periods that are over, the last one first."""
    calendar = CalendarPeriod(_PERIODS[schedule], time_zone)
    window = calendar.at(now - SETTLE)
    for _ in range(CATCH_UP[schedule]):
        window = calendar.at(window.start - timedelta.resolution)
        yield named(Days("", window, time_zone), schedule)


def named(days: Days, schedule: Schedule) -> Days:
    """Return the days under the name that people have for them."""
    first = days.first
    if schedule is Schedule.MONTHLY:
        label = f"{first:%Y-%m}"
    elif schedule is Schedule.WEEKLY:
        year, week, _ = first.isocalendar()
        label = f"{year}-W{week:02}"
    else:
        label = first.isoformat()
    return Days(label, days.window, days.time_zone)


def holding(schedule: Schedule, at: datetime, time_zone: str) -> Days:
    """Return the day, week or month that holds a moment, also where it is not over."""
    return named(Days("", CalendarPeriod(_PERIODS[schedule], time_zone).at(at), time_zone), schedule)


def run_id(definition: ReportConfig, days: Days) -> str:
    """Name the one run that a report has for a period."""
    return f"{definition.name}|{days.label}"
