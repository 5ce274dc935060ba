"""What the month will cost in the end, as far as the days before tell."""

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.fields import Strict
from shared.forecasts.model import FIT_DAYS, forecast
from shared.ledger.model import EntryType, Grain
from shared.management.call import Answer, Call
from shared.management.figures import Figures, Question, coverage, figures, money
from shared.management.ledger import books_of, sight_of
from shared.management.spending_answers import Coverage, Money
from shared.windows import CalendarPeriod, Period, Window


class MonthEnd(Strict):
    """Four of five times the month ends between `low` and `high`. All null, with `method` too_little, where too few days are known.

    It is told from what was used: what corrects the month is added once, and says nothing of the days to come. `unpriced` counts this
    month's requests without a price, which are in no figure; where no use has one, nothing is expected.
    """

    currency: str
    spent: Money | None
    expected: Money | None
    low: Money | None
    high: Money | None
    method: str
    unpriced: int


class ForecastAnswer(Strict):
    month: str
    team: str | None
    coverage: Coverage
    currencies: tuple[MonthEnd, ...]


@dataclass(slots=True)
class _Known:
    """What is known of a currency, by day: what use cost, in nano-units, what corrects it, and how much of it has no price."""

    days: Counter[date] = field(default_factory=Counter)
    corrections: Counter[date] = field(default_factory=Counter)
    unpriced: Counter[date] = field(default_factory=Counter)
    is_priced: bool = False

    def take(self, day: date, sums: Mapping[str, int], *, is_use: bool) -> None:
        self.unpriced[day] += sums.get("unpriced", 0)
        if is_use:
            self.days[day] += sums.get("cost", 0)
            self.is_priced |= "cost" in sums
        elif "cost" in sums:
            self.corrections[day] += sums["cost"]


async def month_end(call: Call) -> Answer:
    books, sight = books_of(call), sight_of(call)
    zone, now = ZoneInfo(books.time_zone), call.parts.clock.now()
    month = CalendarPeriod(Period.MONTH, books.time_zone).at(now)
    window = Window("", min(month.start, now - timedelta(days=FIT_DAYS + 1)), now)
    team = call.query.team
    asked = Question(window, Grain.DAY, ("type",), {"team": team} if team else {}, sight)
    with call.parts.turns.taken(call.caller.id):
        found = await figures(books.ledger, asked, books.time_zone, most=sys.maxsize)
    period, today = (_day(month.start, zone), _day(month.end, zone)), now.astimezone(zone).date()
    told = [_shown(currency, known, period, today) for currency, known in sorted(_by_currency(found, zone).items())]
    return Answer(
        {
            "month": f"{period[0]:%Y-%m}",
            "team": sight.team or team,
            "coverage": coverage(found.heads, is_whole=sight.is_whole_team),
            "currencies": told,
        }
    )


def _by_currency(found: Figures, zone: ZoneInfo) -> dict[str, _Known]:
    known: dict[str, _Known] = {}
    for (start, currency, (kind,)), sums in found.rows.items():
        assert start is not None
        known.setdefault(currency, _Known()).take(_day(start, zone), sums, is_use=kind != EntryType.ADJUSTMENT)
    return known


def _day(start: datetime, zone: ZoneInfo) -> date:
    """Return the day that begins at a moment; by its noon, as midnight itself can show as the evening before."""
    return (start.astimezone(UTC) + timedelta(hours=12)).astimezone(zone).date()


def _shown(currency: str, known: _Known, period: tuple[date, date], today: date) -> dict[str, Any]:
    """Return a forecast. Where no use has a price, a cost of nothing would only look like one."""
    told = forecast(list(known.days.items()), period, today, list(known.corrections.items()))
    unpriced = sum(number for day, number in known.unpriced.items() if day >= period[0])
    is_told = known.is_priced or not unpriced
    expected = {"expected": told.expected, "low": told.low, "high": told.high}
    return {
        "currency": currency,
        "spent": money(told.spent) if is_told or known.corrections else None,
        "method": told.method.value,
        "unpriced": unpriced,
        **{name: money(nanos) if is_told and nanos is not None else None for name, nanos in expected.items()},
    }
