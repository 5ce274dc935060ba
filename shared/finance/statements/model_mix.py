"""Model mix: which models were used, how they were served, and what a million of their tokens came to cost."""

from shared.finance.facts import Facts, input_tokens, output_tokens, under
from shared.finance.report import Chart, Column, Kind, Table, bounded, percent, whole_of
from shared.finance.statements import kinds
from shared.ledger.model import Sums

DIMENSIONS = ("model", "provider", "region", "tier", "capacity", "team")

_PER_MILLION = Column("per_million_tokens", "Cost per million tokens", Kind.MONEY)
_MEASURED = (kinds.REQUESTS, kinds.INPUT, kinds.OUTPUT, kinds.UNPRICED, kinds.COST, kinds.SHARE)
_TOTALS = tuple(column.name for column in _MEASURED[:-1])
_ADDS_UP = {**kinds.COUNTS, "unpriced": "unpriced"}


def tables(facts: Facts) -> tuple[Table, ...]:
    models = Table(
        "models",
        "Models",
        (kinds.MODEL, *_MEASURED, _PER_MILLION),
        (),
        adds_up=_ADDS_UP,
        totals=_TOTALS,
        charts=(Chart("Cost by model", "model", "cost"), Chart("Requests by model", "model", "requests")),
    )
    whole = _whole(facts, "model")
    rows = [(*key, *_measured(whole, sums), _per_million(sums)) for key, sums in facts.by("model")]
    served = ("provider", "region", "tier", "capacity")
    return (
        bounded(models, rows),
        _split(facts, "serving", "How models were served", ("model", *served)),
        _split(facts, "teams", "Models by team", ("team", "model")),
    )


def _split(facts: Facts, name: str, title: str, names: tuple[str, ...]) -> Table:
    columns = tuple(Column(each, each.capitalize()) for each in names)
    table = Table(name, title, (*columns, *_MEASURED), (), adds_up=_ADDS_UP, totals=_TOTALS)
    whole = _whole(facts, *names)
    return bounded(table, [(*key, *_measured(whole, sums)) for key, sums in facts.by(*names)])


def _whole(facts: Facts, *names: str) -> int:
    return whole_of((sums.get("cost", 0) for _, sums in facts.by(*names)), facts.total.get("cost", 0))


def _measured(whole: int, sums: Sums) -> tuple[int | None, ...]:
    cost = sums.get("cost", 0)
    tokens = (input_tokens(sums), output_tokens(sums))
    share = percent(cost, whole)
    return sums.get("requests", 0), *tokens, sums.get("unpriced", 0), cost, share


def _per_million(sums: Sums) -> int | None:
    """Return the nano-units that a million tokens of any kind cost on average; None where there were none, or a price is missing."""
    tokens = under(sums, "tokens.")
    if not tokens or sums.get("unpriced", 0):
        return None
    return sums.get("cost", 0) * 1_000_000 // tokens
