"""What the ledger counts in any stretch of time: from cells where they fit into it without a rest, else from the entries."""

from collections.abc import AsyncIterator, Collection

from shared.ledger.model import Dimensions, Grain, Sums, View, start_of
from shared.reconciliation.ports import Ledger
from shared.windows import Window

_SHARES = ("cost.provisioned", "cost.idle")


def shares_in(sums: Sums) -> int:
    """Return what of a cost is for capacity that is paid by the hour, in nano-units.

    Its shares are allocations, and their corrections adjustments: only the lines tell these from corrections of usage.
    """
    return sum(sums.get(name, 0) for name in _SHARES)


def grain_for(window: Window, time_zone: str) -> Grain | None:
    """Return the longest of month, day and hour that a window begins and ends with, in the reporting time zone; None for none."""
    for grain in (Grain.MONTH, Grain.DAY, Grain.HOUR):
        if all(start_of(grain, edge, time_zone) == edge for edge in (window.start, window.end)):
            return grain
    return None


async def counted(
    ledger: Ledger, window: Window, time_zone: str, teams: Collection[str] | None = None
) -> AsyncIterator[tuple[Dimensions, Sums]]:
    """Yield what the ledger counts, with whom and what it is of, in any order. Raises StoreUnavailable."""
    grain = grain_for(window, time_zone)
    if grain is None:
        async for entry in ledger.entries(window, teams):
            yield entry.dimensions, entry.counted()
        return
    async for cell in ledger.cells(View.DETAIL, grain, window, teams):
        yield cell.key.dimensions, cell.sums
