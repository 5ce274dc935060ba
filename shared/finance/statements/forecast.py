"""Forecast: what each team will have spent at the end of the period, with the range that four of five forecasts fall in."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from shared.finance.facts import Facts, running, since
from shared.finance.report import Chart, Column, Kind, Row, Table, bounded
from shared.finance.statements import kinds
from shared.forecasts.model import Forecast, Method, forecast
from shared.ledger.model import Sums

DIMENSIONS = ("team",)

_AMOUNTS = (
    Column("spent", "Spent so far", Kind.MONEY),
    Column("expected", "Expected", Kind.MONEY),
    Column("low", "Low", Kind.MONEY),
    Column("high", "High", Kind.MONEY),
    Column("unpriced", "Without a price", Kind.INTEGER),
)
_METHODS = {
    Method.WEEKDAYS: "by the day of the week",
    Method.MEAN: "by the mean of the days",
    Method.OVER: "the period is over",
    Method.TOO_LITTLE: "too few days are known",
}

type Series = list[tuple[date, int]]


def tables(facts: Facts) -> tuple[Table, ...]:
    teams = sorted({team for team, _ in facts.days})
    told = {team: _told(facts, team) for team in teams}
    order = sorted(teams, key=lambda team: (-told[team].spent, team))
    method = Column("method", "How")
    whole = Table(
        "organization", "All teams together", (Column("teams", "Teams"), *_AMOUNTS, method), (), {"spent": "cost"}
    )
    by_team = Table(
        "teams",
        "Teams",
        (kinds.TEAM, *_AMOUNTS, method),
        (),
        adds_up={"spent": "cost"},
        totals=("spent",),
        charts=(Chart("Expected by team", "team", "expected"),),
        note="Forecasts of teams do not add up to that of all: where one is over, another is under.",
    )
    return (
        bounded(whole, [("All", *_amounts(_told(facts), *_prices(facts)))]),
        bounded(by_team, [(team, *_amounts(told[team], *_prices(facts, team))) for team in order]),
        _days(facts),
    )


def _days(facts: Facts) -> Table:
    columns = (kinds.DATE, kinds.COST, Column("running", "Up to then", Kind.MONEY))
    days = _by_day((day, sums) for (_, day), sums in facts.days.items())
    rows: list[Row] = [(day, cost, total) for (day, cost), (_, total) in zip(days, running(days), strict=True)]
    chart = Chart("Spent up to each day", "date", "running", is_line=True)
    return bounded(Table("days", "Days", columns, (), {"cost": "cost"}, ("cost",), charts=(chart,)), rows)


def _told(facts: Facts, team: str | None = None) -> Forecast:
    """What was used tells of the days to come; what was adjusted is added once. A day of adjustments alone is no day of use."""
    period = (facts.period.first, facts.period.last + timedelta(days=1))
    corrections = _by_day((day, sums) for (of, day), sums in facts.corrections.items() if team in (None, of))
    return forecast(_by_day(_used(facts, team)), period, facts.today, corrections)


def _used(facts: Facts, only: str | None) -> Iterator[tuple[date, Sums]]:
    """Yield what was used on each day by a team, or by each."""
    for (team, day), sums in facts.days.items():
        if only in (None, team) and (used := since(sums, [facts.corrections.get((team, day), {})])):
            yield day, used


def _by_day(told: Iterable[tuple[date, Sums]]) -> Series:
    """Return the costs of all days, in order."""
    days: dict[date, int] = {}
    for day, sums in told:
        days[day] = days.get(day, 0) + sums.get("cost", 0)
    return sorted(days.items())


def _prices(facts: Facts, only: str | None = None) -> tuple[bool, int]:
    """Return whether any use of a team, or of all, has a price, and how many requests of the period have none."""
    first = facts.period.first
    unpriced = (
        sums.get("unpriced", 0) for (team, day), sums in facts.days.items() if only in (None, team) and day >= first
    )
    return any("cost" in sums for _, sums in _used(facts, only)), sum(unpriced)


def _amounts(told: Forecast, is_priced: bool, unpriced: int) -> Row:
    """Where no use has a price there is no figure but for what was adjusted: a zero would be a forecast."""
    if unpriced and not is_priced:
        return told.spent or None, None, None, None, unpriced, _METHODS[told.method]
    return told.spent, told.expected, told.low, told.high, unpriced, _METHODS[told.method]
