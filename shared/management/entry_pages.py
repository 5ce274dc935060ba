"""Entries of the ledger page by page, the newest month first: what stands behind a figure."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Protocol

from shared.documents import Condition, DocumentStore
from shared.ledger.documents import entry_of, moment, number_of, team_of
from shared.ledger.model import CONTAINER, Entry, months_of
from shared.ledger.ranges import ranges_of
from shared.windows import Window

_QUERIES = 30
"""How often the store is asked for one page: of most teams there is nothing to be found in most months."""

type _Stretch = tuple[str, str, int]
"""Month, volume, and which of the ranges that entries stand in."""


class Partitions(Protocol):
    async def partitions(self, month: str) -> list[str]:
        """Return the volumes that there are of a UTC month."""


class EntryPages:
    """Within a volume of a team's month usage comes newest first, by the id that it got when it arrived."""

    def __init__(self, documents: DocumentStore, ledger: Partitions) -> None:
        self._documents, self._ledger = documents, ledger

    async def page(
        self, window: Window, teams: Collection[str] | None, limit: int, cursor: str | None
    ) -> tuple[Sequence[Entry], str | None]:
        """Return some entries of a window and the cursor that continues them. Raises StoreUnavailable."""
        month, team, number, inner = cursor.split("\n", 3) if cursor else ("~", "", "0", "")
        place, queries = (month, team, int(number)), 0
        found: Sequence[Entry] = ()
        async for stretch in self._stretches(window, teams, place):
            if found or queries == _QUERIES:
                return found, _place(stretch, None)
            found, more = await self._query(window, stretch, limit, inner if stretch == place else None)
            queries += 1
            if more is not None:
                return found, _place(stretch, more)
        return found, None

    async def _query(
        self, window: Window, stretch: _Stretch, limit: int, inner: str | None
    ) -> tuple[Sequence[Entry], str | None]:
        month, team, number = stretch
        low, high = ranges_of(window)[number]
        where = [
            Condition("id", ">=", low),
            Condition("id", "<", high),
            Condition("at", ">=", moment(window.start)),
            Condition("at", "<", moment(window.end)),
        ]
        page = await self._documents.query(
            CONTAINER, f"{team}|{month}", where, descending=True, limit=limit, cursor=inner or None
        )
        return [entry_of(document.body) for document in page.documents], page.cursor

    async def _stretches(
        self, window: Window, teams: Collection[str] | None, place: _Stretch
    ) -> AsyncIterator[_Stretch]:
        """Yield where there is something still to be read, beginning at a place: months and volumes go back, teams forward."""
        numbers = range(len(ranges_of(window)))
        for month in sorted((name for name in months_of(window) if name <= place[0]), reverse=True):
            known = await self._ledger.partitions(month)
            for volume in sorted((each for each in known if teams is None or team_of(each) in teams), key=_order):
                for number in numbers:
                    if month != place[0] or (_order(volume), number) >= (_order(place[1]), place[2]):
                        yield month, volume, number


def _order(volume: str) -> tuple[str, int]:
    """A team after the other, and of each the last volume first."""
    return team_of(volume), -number_of(volume)


def _place(stretch: _Stretch, inner: str | None) -> str:
    month, team, number = stretch
    return "\n".join([month, team, str(number), inner or ""])
