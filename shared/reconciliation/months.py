"""The reporting calendar: months of the reporting time zone, and their place in the fiscal year."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.reconciliation.model import FiscalMonth
from shared.windows import CalendarPeriod, Period, Window

_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")


class MonthInvalid(ValueError):
    """Not a month such as `2026-11`."""


class Calendar:
    """`fiscal_year_start` is the first month of the fiscal year, from 1 to 12."""

    def __init__(self, time_zone: str = "UTC", fiscal_year_start: int = 1) -> None:
        self.time_zone, self._first = time_zone, fiscal_year_start
        self._months = CalendarPeriod(Period.MONTH, time_zone)

    def at(self, moment: datetime) -> FiscalMonth:
        """Return the reporting month that holds a moment."""
        window = self._months.at(moment)
        # The first day's local noon: midnight itself may show on the clock as the evening before, or as an hour later.
        day = (window.start + timedelta(hours=12)).astimezone(ZoneInfo(self.time_zone)).date()
        month = f"{day:%Y-%m}"
        return FiscalMonth(month, self._label(day.year, day.month), Window(month, window.start, window.end))

    def month(self, id: str) -> FiscalMonth:
        """Return the month of this name. Raises MonthInvalid."""
        found = _MONTH.fullmatch(id)
        if found is None:
            raise MonthInvalid(f"{id!r} is not a month such as 2026-11")
        return self.at(datetime(int(found[1]), int(found[2]), 15, tzinfo=UTC))

    def before(self, month: FiscalMonth) -> FiscalMonth:
        return self.at(month.window.start - timedelta.resolution)

    def _label(self, year: int, month: int) -> str:
        """Fiscal years are named by the calendar year in which they begin."""
        begins = year if month >= self._first else year - 1
        return f"FY{begins}-P{(month - self._first) % 12 + 1:02}"


def utc_month(month: str) -> Window:
    """Return the window of a UTC month, by which partitions are named. Raises MonthInvalid."""
    return Calendar("UTC").month(month).window
