"""Cells of the ledger as a test has made them, read as jobs read the store's."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from datetime import datetime

from shared.documents import StoreUnavailable
from shared.ledger.model import Cell, CellKey, Dimensions, EntryType, Grain, View
from shared.windows import Window


@dataclass(slots=True)
class ListedCells:
    listed: list[Cell] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    is_down: bool = False

    def spent(
        self,
        grain: Grain,
        start: datetime,
        nanos: int,
        dimensions: Dimensions,
        view: View = View.TOTAL,
    ) -> None:
        self.listed.append(Cell(CellKey(view, grain, start, dimensions), {"cost": nanos}))

    async def cells(
        self, view: View, grain: Grain, window: Window, teams: Collection[str] | None = None
    ) -> AsyncIterator[Cell]:
        self.windows.append(window)
        if self.is_down:
            raise StoreUnavailable("the store is down")
        for cell in self.listed:
            key = cell.key
            is_of_teams = teams is None or key.dimensions.team in teams
            if (key.view, key.grain) == (view, grain) and window.holds(key.start) and is_of_teams:
                yield cell


ALLOCATION = EntryType.ALLOCATION
