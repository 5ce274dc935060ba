"""What a month is closed with: the sums of every team and cost center, and how far the ledger had come when they were read."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

import orjson

from shared.clock import Clock
from shared.ledger.model import Cell, Grain, View, add, grouped, months_of
from shared.reconciliation.model import FiscalMonth, Snapshot, TeamSnapshot, Total
from shared.reconciliation.ports import Ledger
from shared.windows import Window

_TRIES = 3


class SnapshotUnsettled(Exception):
    """The month's cells changed while they were read; it can be tried again."""


async def take(ledger: Ledger, clock: Clock, team: str, month: FiscalMonth) -> TeamSnapshot:
    """Return a team's part of a month. Raises SnapshotUnsettled and StoreUnavailable.

    The month's cells are read before and after the heads: with every posting they count another entry, so where they are the same
    nothing was posted to the month in between. The heads alone would not do: a month that ends within another month of UTC
    shares its partition with traffic that goes on.
    """
    for _ in range(_TRIES):
        before = await _totals(ledger, team, month)
        heads = {name: await ledger.head(team, name) for name in months_of(month.window)}
        if before == await _totals(ledger, team, month):
            covered = {name: (head.sequence, head.digest) for name, head in heads.items()}
            return TeamSnapshot(team, clock.now(), before, covered, _digest(team, month, before, covered))
    raise SnapshotUnsettled(team)


def month_snapshot(teams: Sequence[TeamSnapshot]) -> Snapshot:
    """Return the whole of a month's parts."""
    costs: dict[str, int] = {}
    for team in teams:
        for total in team.totals:
            costs = add(costs, {total.currency: total.cost})
    ordered = sorted(teams, key=lambda team: team.team)
    return Snapshot(
        cost=costs,
        entries=amounts_of(teams, "entries"),
        requests=amounts_of(teams, "requests"),
        pending=amounts_of(teams, "pending"),
        unpriced=amounts_of(teams, "unpriced"),
        teams=len(teams),
        digest=sha256("\n".join(f"{team.team} {team.digest}" for team in ordered).encode()).hexdigest(),
    )


def amounts_of(teams: Iterable[TeamSnapshot], name: str) -> int:
    return sum(total.sums.get(name, 0) for team in teams for total in team.totals)


async def _totals(ledger: Ledger, team: str, month: FiscalMonth) -> tuple[Total, ...]:
    start = month.window.start
    window = Window(month.id, start, month.window.end)
    cells: list[Cell] = []
    async for cell in ledger.cells(View.DETAIL, Grain.MONTH, window, [team]):
        if cell.key.start == start:
            cells.append(cell)
    groups = grouped(cells, "cost_center", "currency")
    ordered = sorted(groups.items(), key=lambda item: tuple(name or "" for name in item[0]))
    return tuple(Total(center, str(currency), sums) for (center, currency), sums in ordered)


def _digest(team: str, month: FiscalMonth, totals: Iterable[Total], heads: dict[str, tuple[int, str]]) -> str:
    """Numbers count as text, so that the digest is the same wherever it is made."""
    content = {
        "team": team,
        "month": month.id,
        "window": [month.window.start.isoformat(), month.window.end.isoformat()],
        "totals": [
            [total.cost_center, total.currency, {name: str(number) for name, number in total.sums.items()}]
            for total in totals
        ],
        "heads": {name: [str(sequence), digest] for name, (sequence, digest) in heads.items()},
    }
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
