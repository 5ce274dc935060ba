"""Showback: what the applications and people of each team used."""

from shared.finance.facts import Facts, input_tokens, output_tokens
from shared.finance.report import Chart, Row, Table, bounded, percent, whole_of
from shared.finance.statements import kinds

DIMENSIONS = ("team", "application", "user")

_MEASURED = (kinds.REQUESTS, kinds.INPUT, kinds.OUTPUT, kinds.UNPRICED, kinds.COST)
_TOTALS = tuple(column.name for column in _MEASURED)
_ADDS_UP = {**kinds.COUNTS, "unpriced": "unpriced"}


def tables(facts: Facts) -> tuple[Table, ...]:
    teams = Table(
        "teams",
        "Teams",
        (kinds.TEAM, *_MEASURED, kinds.SHARE),
        (),
        adds_up=_ADDS_UP,
        totals=_TOTALS,
        charts=(Chart("Cost by team", "team", "cost"),),
    )
    applications = Table(
        "applications",
        "Applications",
        (kinds.TEAM, kinds.APPLICATION, *_MEASURED, kinds.SHARE),
        (),
        adds_up=_ADDS_UP,
        totals=_TOTALS,
        grouped_by="team",
        note="Shares are of the team's cost.",
    )
    users = Table(
        "users",
        "Applications and users",
        (kinds.TEAM, kinds.APPLICATION, kinds.USER, *_MEASURED, kinds.SHARE),
        (),
        adds_up=_ADDS_UP,
        totals=_TOTALS,
        grouped_by="team",
        note="Shares are of the team's cost.",
    )
    return (
        bounded(teams, _rows(facts, "team")),
        bounded(applications, _rows(facts, "team", "application")),
        bounded(users, _rows(facts, "team", "application", "user")),
    )


def _rows(facts: Facts, *names: str) -> list[Row]:
    """Return the rows, those of a team together, the teams that cost most first."""
    teams = {key[0]: sums.get("cost", 0) for key, sums in facts.by("team")}
    places = {team: place for place, team in enumerate(teams)}
    groups = sorted(facts.by(*names), key=lambda group: places[group[0][0]])
    costs: dict[str | None, list[int]] = {}
    for key, sums in groups:
        costs.setdefault(key[0] if len(names) > 1 else None, []).append(sums.get("cost", 0))
    rows: list[Row] = []
    for key, sums in groups:
        cost = None if sums.get("unpriced") and "cost" not in sums else sums.get("cost", 0)
        all_of = facts.total.get("cost", 0) if len(names) == 1 else teams[key[0]]
        whole = whole_of(costs[key[0] if len(names) > 1 else None], all_of)
        tokens = (input_tokens(sums), output_tokens(sums))
        rows.append((*key, sums.get("requests", 0), *tokens, sums.get("unpriced", 0), cost, percent(cost or 0, whole)))
    return rows
