"""Reads from the ledger what was used of provisioned capacity, and what of its cost was posted already, hour by hour."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from shared.ledger.model import Capacity, Cell, Dimensions, EntryType, Grain, Sums, View, add
from shared.windows import Window

HOUR = timedelta(hours=1)
A_MOMENT_LESS = HOUR - timedelta(microseconds=1)
_KEPT = (
    "team",
    "area",
    "application",
    "user",
    "key",
    "cost_center",
    "client",
    "project",
    "model",
    "deployment",
    "provider",
)


class Cells(Protocol):
    def cells(
        self, view: View, grain: Grain, window: Window, teams: Collection[str] | None = None
    ) -> AsyncIterator[Cell]: ...


@dataclass(frozen=True, slots=True)
class Hour:
    """What the ledger says of an hour: tokens by who used them on which deployment, and nano-units that were posted already.

    `posted` has those of all pools: which are of one, the ids of entries tell.
    """

    use: dict[Dimensions, Sums] = field(default_factory=dict)
    posted: dict[Dimensions, int] = field(default_factory=dict)


async def hours_of(ledger: Cells, window: Window) -> defaultdict[datetime, Hour]:
    """Return what was used and posted, by hour.

    Use in an hour of the ledger's time zone belongs to the UTC hour that this begins in. What was posted has the time of the
    UTC hour that begins in it.
    """
    hours: defaultdict[datetime, Hour] = defaultdict(Hour)
    async for cell in ledger.cells(View.DETAIL, Grain.HOUR, replace(window, start=window.start - HOUR)):
        dimensions, start = cell.key.dimensions, cell.key.start
        if dimensions.capacity is not Capacity.PROVISIONED:
            continue
        user = _user(dimensions)
        if dimensions.type is not EntryType.USAGE:
            posted = hours[hour_of(start + A_MOMENT_LESS)].posted
            posted[user] = posted.get(user, 0) + cell.cost
        if dimensions.type is not EntryType.ALLOCATION and window.holds(start):
            use = hours[hour_of(start)].use
            user = replace(user, currency="")
            use[user] = add(use.get(user, {}), _tokens(cell.sums))
    return hours


def _user(dimensions: Dimensions) -> Dimensions:
    kept = {name: getattr(dimensions, name) for name in _KEPT}
    return Dimensions(**kept, type=EntryType.ALLOCATION, currency=dimensions.currency, capacity=Capacity.PROVISIONED)


def _tokens(sums: Sums) -> dict[str, int]:
    return {name.removeprefix("tokens."): count for name, count in sums.items() if name.startswith("tokens.")}


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
