"""What a month is closed with: the sums of every team and cost center, and how far the ledger had come when they were read."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

import orjson

from shared.clock import Clock
from shared.ledger.model import accumulate, add, months_of
from shared.reconciliation.model import FiscalMonth, Snapshot, TeamSnapshot, Total
from shared.reconciliation.ports import Ledger
from shared.reconciliation.spending import counted

_TRIES = 3


class SnapshotUnsettled(Exception):
    """The month's cells changed while they were read; it can be tried again."""


async def take(
    ledger: Ledger, clock: Clock, team: str, month: FiscalMonth, time_zone: str, without_event: int = 0
) -> TeamSnapshot:
    """Return a team's part of a month; cells are of `time_zone`. Raises SnapshotUnsettled and StoreUnavailable.

    The month's sums are read before and after the heads: with every posting they count another entry, so where they are the same
    nothing was posted to the month in between. The heads alone would not do: a month that ends within another month of UTC
    shares its partition with traffic that goes on.
    """
    for _ in range(_TRIES):
        before = await _totals(ledger, team, month, time_zone)
        heads = {name: await ledger.head(team, name) for name in months_of(month.window)}
        if before == await _totals(ledger, team, month, time_zone):
            covered = {name: (head.sequence, head.digest) for name, head in heads.items()}
            digest = _digest(team, month, before, covered, without_event)
            return TeamSnapshot(team, clock.now(), before, covered, digest, without_event)
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
        without_event=sum(team.without_event for team in teams),
    )


def amounts_of(teams: Iterable[TeamSnapshot], name: str) -> int:
    return sum(total.sums.get(name, 0) for team in teams for total in team.totals)


async def _totals(ledger: Ledger, team: str, month: FiscalMonth, time_zone: str) -> tuple[Total, ...]:
    groups: dict[tuple[str | None, str], dict[str, int]] = {}
    async for dimensions, sums in counted(ledger, month.window, time_zone, [team]):
        accumulate(groups.setdefault((dimensions.cost_center, dimensions.currency), {}), sums)
    ordered = sorted(groups.items(), key=lambda item: tuple(name or "" for name in item[0]))
    return tuple(Total(center, currency, add(sums)) for (center, currency), sums in ordered)


def _digest(
    team: str,
    month: FiscalMonth,
    totals: Iterable[Total],
    heads: Mapping[str, tuple[int, str]],
    without_event: int,
) -> str:
    """Numbers count as text, so that the digest is the same wherever it is made."""
    content: dict[str, object] = {
        "team": team,
        "month": month.id,
        "window": [month.window.start.isoformat(), month.window.end.isoformat()],
        "totals": [
            [total.cost_center, total.currency, {name: str(number) for name, number in total.sums.items()}]
            for total in totals
        ],
        "heads": {name: [str(sequence), digest] for name, (sequence, digest) in heads.items()},
        "without_event": str(without_event),
    }
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
