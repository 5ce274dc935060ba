"""Forecast: what each team will have spent at the end of the period, with the range that four of five forecasts fall in."""

from datetime import date, timedelta

from shared.finance.facts import Facts, running
from shared.finance.report import Chart, Column, Kind, Row, Table, bounded
from shared.finance.statements import kinds
from shared.forecasts.model import Forecast, Method, forecast

DIMENSIONS = ("team",)

_AMOUNTS = (
    Column("spent", "Spent so far", Kind.MONEY),
    Column("expected", "Expected", Kind.MONEY),
    Column("low", "Low", Kind.MONEY),
    Column("high", "High", Kind.MONEY),
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
        bounded(whole, [("All", *_amounts(_told(facts)))]),
        bounded(by_team, [(team, *_amounts(told[team])) for team in order]),
        _days(facts),
    )


def _days(facts: Facts) -> Table:
    columns = (kinds.DATE, kinds.COST, Column("running", "Up to then", Kind.MONEY))
    days = _series(facts)
    rows: list[Row] = [(day, cost, total) for (day, cost), (_, total) in zip(days, running(days), strict=True)]
    chart = Chart("Spent up to each day", "date", "running", is_line=True)
    return bounded(Table("days", "Days", columns, (), {"cost": "cost"}, ("cost",), charts=(chart,)), rows)


def _told(facts: Facts, team: str | None = None) -> Forecast:
    period = (facts.period.first, facts.period.last + timedelta(days=1))
    return forecast(_series(facts, team), period, facts.today)


def _series(facts: Facts, only: str | None = None) -> Series:
    """Return the costs of all days of a team, or of all, in order."""
    days: dict[date, int] = {}
    for (team, day), sums in facts.days.items():
        if only in (None, team):
            days[day] = days.get(day, 0) + sums.get("cost", 0)
    return sorted(days.items())


def _amounts(told: Forecast) -> Row:
    return told.spent, told.expected, told.low, told.high, _METHODS[told.method]
