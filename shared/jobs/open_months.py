"""Finds how far back the books are open."""

from collections.abc import Iterable
from datetime import UTC, datetime

from shared.reconciliation.model import Period, State
from shared.windows import Window

_MONTHS_BACK = 13
"""How far back a month may lie that nobody has closed."""


def open_months(now: datetime, periods: Iterable[Period] = ()) -> Window:
    """Return the time since the beginning of the oldest month that is not closed, and of the last one at least.

    `periods` are what there is of reporting months; what is not there is open. It goes back thirteen months at most.
    """
    last = _months_before(now, 1)
    start = _months_before(now, _MONTHS_BACK)
    for period in sorted(periods, key=lambda period: period.month.window.start):
        if period.state is State.CLOSED and period.month.window.holds(start):
            start = period.month.window.end
    return Window("", min(start, last), now)


def _months_before(now: datetime, months: int) -> datetime:
    """Return the beginning of a UTC month."""
    years, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    return datetime(years, month + 1, 1, tzinfo=UTC)
