"""What the month will cost in the end, as far as the days before tell."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.fields import Strict
from shared.forecasts.model import FIT_DAYS, Forecast, forecast
from shared.ledger.model import Grain
from shared.management.call import Answer, Call
from shared.management.figures import Question, coverage, figures, money
from shared.management.ledger import books_of, sight_of
from shared.management.spending_answers import Coverage, Money
from shared.windows import CalendarPeriod, Period, Window


class MonthEnd(Strict):
    """Four of five times the month ends between `low` and `high`. All null, with `method` too_little, where too few days are known."""

    currency: str
    spent: Money
    expected: Money | None
    low: Money | None
    high: Money | None
    method: str


class ForecastAnswer(Strict):
    month: str
    team: str | None
    coverage: Coverage
    currencies: tuple[MonthEnd, ...]


async def month_end(call: Call) -> Answer:
    books, sight = books_of(call), sight_of(call)
    zone, now = ZoneInfo(books.time_zone), call.parts.clock.now()
    month = CalendarPeriod(Period.MONTH, books.time_zone).at(now)
    window = Window("", min(month.start, now - timedelta(days=FIT_DAYS + 1)), now)
    team = call.query.team
    asked = Question(window, Grain.DAY, (), {"team": team} if team else {}, sight)
    found = await figures(books.ledger, asked, books.time_zone)
    days: dict[str, Counter[date]] = {}
    for (start, currency, _), sums in found.rows.items():
        assert start is not None
        days.setdefault(currency, Counter())[_day(start, zone)] += sums.get("cost", 0)
    period, today = (_day(month.start, zone), _day(month.end, zone)), now.astimezone(zone).date()
    told = [_shown(name, forecast(list(totals.items()), period, today)) for name, totals in sorted(days.items())]
    return Answer(
        {
            "month": f"{period[0]:%Y-%m}",
            "team": sight.team or team,
            "coverage": coverage(found.heads, is_whole=sight.is_whole_team),
            "currencies": told,
        }
    )


def _day(start: datetime, zone: ZoneInfo) -> date:
    """Return the day that begins at a moment; by its noon, as midnight itself can show as the evening before."""
    return (start.astimezone(UTC) + timedelta(hours=12)).astimezone(zone).date()


def _shown(currency: str, told: Forecast) -> dict[str, Any]:
    figures = {"expected": told.expected, "low": told.low, "high": told.high}
    return {
        "currency": currency,
        "spent": money(told.spent),
        "method": told.method.value,
        **{name: None if nanos is None else money(nanos) for name, nanos in figures.items()},
    }
