"""Savings: what cached prompts, cheaper tiers and smaller models saved, beside what was paid."""

from shared.finance.facts import Facts, Group, under
from shared.finance.report import Chart, Column, Kind, Row, Table, bounded, percent
from shared.finance.statements import kinds

DIMENSIONS = ("team", "application", "model", "tier")

_SAVED = {
    "cache": Column("saved_cache", "Cached prompts", Kind.MONEY),
    "tier": Column("saved_tier", "Batch and flex", Kind.MONEY),
    "downshift": Column("saved_downshift", "Smaller models", Kind.MONEY),
}
_ALL = Column("saved", "Saved in all", Kind.MONEY)
_CACHED = Column("cached_input", "Cached input", Kind.PERCENT)
_OF_LIST = Column("saved_share", "Of the cost without it", Kind.PERCENT)


def tables(facts: Facts) -> tuple[Table, ...]:
    return (
        _table(facts, "teams", "Teams", ("team",)),
        _table(facts, "models", "Models", ("model", "tier")),
        _table(facts, "applications", "Applications", ("team", "application")),
    )


def _table(facts: Facts, name: str, title: str, names: tuple[str, ...]) -> Table:
    columns = tuple(Column(each, each.capitalize()) for each in names)
    table = Table(
        name,
        title,
        (*columns, *_SAVED.values(), _ALL, kinds.COST, _OF_LIST, _CACHED),
        (),
        adds_up={"cost": "cost", **{column.name: f"saved.{each}" for each, column in _SAVED.items()}},
        totals=(*(column.name for column in _SAVED.values()), "saved", "cost"),
        charts=(Chart(f"{title} that saved most", names[0], "saved"),),
        note="Cached input is the share of the input tokens that came from the provider's cache.",
    )
    groups = sorted(facts.by(*names), key=lambda group: -under(group[1], "saved."))
    return bounded(table, [_row(group) for group in groups])


def _row(group: Group) -> Row:
    key, sums = group
    saved, cost = under(sums, "saved."), sums.get("cost", 0)
    cached = percent(sums.get("tokens.input_cached", 0), under(sums, "tokens.input_"))
    return (
        *key,
        *(sums.get(f"saved.{each}", 0) for each in _SAVED),
        saved,
        cost,
        percent(saved, saved + cost) if cost >= 0 else None,
        cached,
    )
