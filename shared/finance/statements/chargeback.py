"""Chargeback: what each cost center and team is billed, with adjustments and idle capacity on lines of their own."""

from shared.finance.facts import Facts, Key, charge_type, in_order, input_tokens, ordered, output_tokens, pour, since
from shared.finance.report import Chart, Column, Kind, Row, Table, bounded, percent, whole_of
from shared.finance.statements import kinds
from shared.ledger.model import EntryType, Sums

DIMENSIONS = ("cost_center", "team", "type", "capacity", "application", "project", "client", "model")

_PARTS = {
    "Usage": Column("usage", "Usage", Kind.MONEY),
    "Spillover usage": Column("spillover", "Spillover", Kind.MONEY),
    "Provisioned capacity": Column("provisioned", "Provisioned", Kind.MONEY),
    "Idle provisioned capacity": Column("idle", "Idle capacity", Kind.MONEY),
    "Adjustments": Column("adjustments", "Adjustments", Kind.MONEY),
}

_AFTER_CLOSE = "Adjustments after close"


def tables(facts: Facts) -> tuple[Table, ...]:
    return _cost_centers(facts), _statement(facts), _details(facts)


def _cost_centers(facts: Facts) -> Table:
    parts: dict[Key, dict[str, int]] = {}
    for (center, type, model, capacity), sums in facts.by("cost_center", "type", "model", "capacity"):
        part = _PARTS[charge_type(type, model, capacity)].name
        pour({f"part.{part}": sums.get("cost", 0)}, parts.setdefault((center,), {}))
    total = whole_of((sums.get("cost", 0) for _, sums in facts.by("cost_center")), facts.total.get("cost", 0))
    rows: list[Row] = []
    for key, sums in facts.by("cost_center"):
        split = [parts[key].get(f"part.{column.name}", 0) for column in _PARTS.values()]
        cost = sums.get("cost", 0)
        rows.append((*key, sums.get("requests", 0), sums.get("unpriced", 0), *split, cost, percent(cost, total)))
    columns = (kinds.COST_CENTER, kinds.REQUESTS, kinds.UNPRICED, *_PARTS.values(), kinds.COST, kinds.SHARE)
    table = Table(
        "cost_centers",
        "Cost centers",
        columns,
        (),
        adds_up={**kinds.COUNTS, "unpriced": "unpriced"},
        totals=tuple(column.name for column in columns[1:-1]),
        charts=(Chart("Cost by cost center", "cost_center", "cost"),),
    )
    return bounded(table, rows)


def _statement(facts: Facts) -> Table:
    lines = _lines(facts)
    places = {name: place for place, name in enumerate((*_PARTS, _AFTER_CLOSE))}
    order = sorted(lines, key=lambda key: (in_order(key[:2]), places[str(key[2])]))
    table = Table(
        "statement",
        "Statement by cost center and team",
        (kinds.COST_CENTER, kinds.TEAM, kinds.CHARGE, *_COUNTED, kinds.COST),
        (),
        adds_up=kinds.BOOKED,
        totals=(*(column.name for column in _COUNTED), "cost"),
        grouped_by="cost_center",
        note="Every line is the sum of as many ledger entries as it says; the coverage names the partitions that hold them.",
    )
    return bounded(table, [(*key, *_counted(lines[key]), lines[key].get("cost", 0)) for key in order])


def _lines(facts: Facts) -> dict[Key, dict[str, int]]:
    """Return the sums by cost center, team and charge."""
    lines: dict[Key, dict[str, int]] = {}
    resolved: list[tuple[Key, Key, int]] = []
    for (center, team, type, model, capacity), sums in facts.by("cost_center", "team", "type", "model", "capacity"):
        line = (center, team, charge_type(type, model, capacity))
        pour(sums, lines.setdefault(line, {}))
        if type == EntryType.ADJUSTMENT and (unpriced := sums.get("unpriced", 0)):
            resolved.append((line, (center, team, charge_type(EntryType.USAGE, model, capacity)), unpriced))
    for adjustment, usage, unpriced in resolved:
        # An adjustment that brings a price takes one from what has none: people look for that where the usage is.
        if usage in lines:
            pour({"unpriced": -unpriced}, lines[adjustment])
            pour({"unpriced": unpriced}, lines[usage])
    return _told_apart(facts, lines)


def _told_apart(facts: Facts, lines: dict[Key, dict[str, int]]) -> dict[Key, dict[str, int]]:
    """Take what was adjusted after the close out of the other adjustments."""
    if facts.closed is None:
        return lines
    for (center, team), now in facts.by("cost_center", "team"):
        late = since(now, [facts.closed.get((center, team), {})])
        adjustments = lines.get((center, team, "Adjustments"))
        if adjustments is None or not late:
            continue
        late.pop("unpriced", None)
        pour({name: -number for name, number in late.items()}, adjustments)
        lines[center, team, _AFTER_CLOSE] = late
        if not adjustments.get("entries"):
            pour(lines.pop((center, team, "Adjustments")), late)
    return lines


def _details(facts: Facts) -> Table:
    names = ("cost_center", "team", "application", "project", "client", "model")
    columns = tuple(Column(name, name.replace("_", " ").capitalize()) for name in names)
    found = ordered(facts.by(*names))
    table = Table(
        "details",
        "Details by application, project, client and model",
        (*columns, *_COUNTED, kinds.COST),
        (),
        adds_up=kinds.BOOKED,
        totals=(*(column.name for column in _COUNTED), "cost"),
    )
    return bounded(table, [(*key, *_counted(sums), sums.get("cost", 0)) for key, sums in found])


_COUNTED = (kinds.REQUESTS, kinds.INPUT, kinds.OUTPUT, kinds.ENTRIES, kinds.UNPRICED)


def _counted(sums: Sums) -> Row:
    tokens = (input_tokens(sums), output_tokens(sums))
    return sums.get("requests", 0), *tokens, sums.get("entries", 0), sums.get("unpriced", 0)
