"""Top talkers: the teams, applications and users that cost most, and everyone else in one row."""

from shared.finance.facts import Facts, Group, input_tokens, output_tokens, pour
from shared.finance.report import Chart, Column, Kind, Row, Table, percent, whole_of
from shared.finance.statements import kinds

DIMENSIONS = ("team", "application", "user")
MOST = 50

_MEASURED = (kinds.REQUESTS, kinds.INPUT, kinds.OUTPUT, kinds.COST, kinds.SHARE)
_RANK = Column("rank", "Rank", Kind.INTEGER)


def tables(facts: Facts) -> tuple[Table, ...]:
    return (
        _table(facts, "teams", "Teams", (kinds.TEAM,)),
        _table(facts, "applications", "Applications", (kinds.APPLICATION, kinds.TEAM)),
        _table(facts, "users", "Users", (kinds.USER, kinds.TEAM)),
    )


def _table(facts: Facts, name: str, title: str, columns: tuple[Column, ...]) -> Table:
    groups = facts.by(*(column.name for column in columns))
    whole = whole_of((sums.get("cost", 0) for _, sums in groups), facts.total.get("cost", 0))
    rows = [_row(whole, group, place) for place, group in enumerate(groups[:MOST], 1)]
    if rest := groups[MOST:]:
        rows.append(_row(whole, _together(rest, len(columns)), None))
    return Table(
        name,
        title,
        (*columns, _RANK, *_MEASURED),
        rows,
        adds_up=kinds.COUNTS,
        totals=("requests", "input_tokens", "output_tokens", "cost"),
        charts=(Chart(f"{title} by cost", columns[0].name, "cost"),),
    )


def _row(whole: int, group: Group, rank: int | None) -> Row:
    key, sums = group
    cost = None if sums.get("unpriced") and "cost" not in sums else sums.get("cost", 0)
    tokens = (input_tokens(sums), output_tokens(sums))
    return *key, rank, sums.get("requests", 0), *tokens, cost, percent(cost or 0, whole)


def _together(groups: list[Group], width: int) -> Group:
    summed: dict[str, int] = {}
    for _, sums in groups:
        pour(sums, summed)
    return (f"({len(groups)} others)", *[None] * (width - 1)), summed
