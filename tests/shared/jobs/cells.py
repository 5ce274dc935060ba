"""Cells of the ledger as a test has made them, read as jobs read the store's."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from datetime import datetime

from shared.documents import StoreUnavailable
from shared.ledger.model import Cell, CellKey, Dimensions, EntryType, Grain, View
from shared.reconciliation.model import BooksRecounted
from shared.windows import Window


@dataclass(slots=True)
class ListedCells:
    listed: list[Cell] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    is_down: bool = False
    counted: frozenset[str] | None = None
    """The teams whose sums are not being counted anew; None for all."""

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
        if self.counted is not None and (teams is None or not self.counted.issuperset(teams)):
            raise BooksRecounted("Asia/Kolkata", 1, 2)
        if self.is_down:
            raise StoreUnavailable("the store is down")
        for cell in self.listed:
            key = cell.key
            is_of_teams = teams is None or key.dimensions.team in teams
            if (key.view, key.grain) == (view, grain) and window.holds(key.start) and is_of_teams:
                yield cell

    async def ready(self, grain: Grain, window: Window) -> frozenset[str] | None:
        return self.counted


ALLOCATION = EntryType.ALLOCATION
