from datetime import UTC, datetime

from shared.jobs.open_months import open_months
from shared.reconciliation.model import FiscalMonth, Period, State
from shared.windows import Window

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)


def first(year: int, month: int) -> datetime:
    return datetime(year, month, 1, tzinfo=UTC)


def month(start: datetime, end: datetime, state: State = State.CLOSED) -> Period:
    id = f"{start:%Y-%m}"
    return Period(FiscalMonth(id, id, Window(id, start, end)), state)


def test_what_nobody_has_closed_is_open_for_thirteen_months() -> None:
    assert open_months(NOW) == Window("", first(2025, 5), NOW)
    assert open_months(first(2026, 1)).start == first(2024, 12)


def test_the_time_after_the_last_closed_month_is_open() -> None:
    year = month(first(2025, 4), first(2026, 2))
    february = month(first(2026, 2), first(2026, 3))

    assert open_months(NOW, [february, year]).start == first(2026, 3)
    assert open_months(NOW, [year, month(first(2026, 2), first(2026, 3), State.CLOSING)]).start == first(2026, 2)
    assert open_months(NOW, [february]).start == first(2025, 5)


def test_the_last_month_is_looked_at_even_if_it_is_closed() -> None:
    assert open_months(NOW, [month(first(2025, 4), first(2026, 6))]).start == first(2026, 5)
