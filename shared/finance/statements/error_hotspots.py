"""Error hotspots: where calls fail, by class of error, and at which share of the calls."""

from shared.finance.facts import Facts, Group, in_order, under
from shared.finance.report import Chart, Column, Kind, Row, Table, bounded, percent
from shared.finance.statements import kinds
from shared.ledger.model import Sums

DIMENSIONS = ("team", "application", "model", "deployment", "endpoint")
CLASSES = ("refused", "rate_limited", "content_filter", "upstream", "client_gone", "cut", "failed")

_CLASSES = tuple(Column(name, name.replace("_", " ").capitalize(), Kind.INTEGER) for name in CLASSES)
_ERRORS = Column("errors", "Errors", Kind.INTEGER)
_RATE = Column("rate", "Error rate", Kind.PERCENT)


def tables(facts: Facts) -> tuple[Table, ...]:
    return (
        _table(facts, "teams", "Teams", ("team",)),
        _table(facts, "deployments", "Models and deployments", ("model", "deployment", "endpoint")),
        _table(facts, "hotspots", "Applications and models", ("team", "application", "model")),
    )


def _table(facts: Facts, name: str, title: str, names: tuple[str, ...]) -> Table:
    columns = tuple(Column(each, each.capitalize()) for each in names)
    table = Table(
        name,
        title,
        (*columns, kinds.REQUESTS, _ERRORS, _RATE, *_CLASSES),
        (),
        adds_up={"requests": "requests", **{each: f"errors.{each}" for each in CLASSES}},
        totals=("requests", "errors", *CLASSES),
        charts=(Chart(f"{title} with most errors", names[0], "errors"),),
    )
    return bounded(table, [_row(key, sums) for key, sums in sorted(facts.by(*names), key=_most_errors)])


def _most_errors(group: Group) -> tuple[int, tuple[tuple[bool, str], ...]]:
    return -under(group[1], "errors."), in_order(group[0])


def _row(key: tuple[str | None, ...], sums: Sums) -> Row:
    requests, errors = sums.get("requests", 0), under(sums, "errors.")
    return *key, requests, errors, percent(errors, requests), *(sums.get(f"errors.{name}", 0) for name in CLASSES)
