"""The ledger for those who tell figures: it gives no sums that may be of another time zone than that of the reports."""

from collections.abc import AsyncIterator, Collection

from shared.clock import Clock
from shared.documents import DocumentStore
from shared.ledger.documents import team_of
from shared.ledger.model import Cell, Grain, View, months_of, reach_of
from shared.ledger.store import LedgerStore
from shared.reconciliation.recount import Recount
from shared.windows import Window


class CountedLedger(LedgerStore):
    """Entries are what they are; `cells` raises BooksRecounted while those that are asked for are being counted anew."""

    def __init__(self, documents: DocumentStore, clock: Clock, time_zone: str) -> None:
        super().__init__(documents)
        self._recount = Recount(documents, clock, time_zone, self.partitions, team_of)

    async def counted_anew_for(self) -> str | None:
        """Return the time zone that everything is being counted anew for; None where it is not."""
        return await self._recount.time_zone()

    async def check(self, grain: Grain, window: Window, teams: Collection[str] | None = None) -> None:
        """Raise BooksRecounted where `cells` would."""
        await self._recount.check(months_of(reach_of(grain, window)), teams)

    async def ready(self, grain: Grain, window: Window) -> frozenset[str] | None:
        """Return the teams for which `cells` would not raise BooksRecounted; None for all."""
        return await self._recount.ready(list(months_of(reach_of(grain, window))))

    async def cells(
        self, view: View, grain: Grain, window: Window, teams: Collection[str] | None = None
    ) -> AsyncIterator[Cell]:
        await self.check(grain, window, teams)
        async for cell in super().cells(view, grain, window, teams):
            yield cell
