"""Reads the ledger: entries and raw events by time of use, cells by view and grain, and heads that say how far it has come."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import batched

from shared.documents import Condition, Document, DocumentStore, Json
from shared.ledger.documents import HEAD, PARTITIONS, RESERVED, cell_of, entry_of, head_of, moment
from shared.ledger.model import (
    CONTAINER,
    Cell,
    Entry,
    Grain,
    Head,
    View,
    cell_prefix,
    months_of,
    partition_of,
    reach_of,
    stamp,
)
from shared.ledger.ranges import ranges_of
from shared.windows import Window

_PAGE = 500
_AT_ONCE = 8


class LedgerStore:
    """Every method raises StoreUnavailable."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def partitions(self, month: str) -> list[str]:
        """Return the teams that have something in a UTC month such as `2026-11`."""
        found = self._between(PARTITIONS, f"{month}|", f"{month}|~")
        return [str(document.body["team"]) async for document in found]

    async def cells(
        self, view: View, grain: Grain, window: Window, teams: Collection[str] | None = None
    ) -> AsyncIterator[Cell]:
        """Yield the cells that begin in a window, of some teams or of all.

        A month of the reporting time zone may stand in two partitions: cells with the same key have to be added up.
        """
        prefix = cell_prefix(view, grain)
        low, high = prefix + stamp(window.start), prefix + stamp(window.end - timedelta(microseconds=1)) + "~"
        async for partition in self._partitions(reach_of(grain, window), teams):
            async for document in self._between(partition, low, high):
                cell = cell_of(document.body)
                if window.holds(cell.key.start):
                    yield cell

    async def entries(self, window: Window, teams: Collection[str] | None = None) -> AsyncIterator[Entry]:
        """Yield the entries whose use fell into a window, a partition after the other."""
        within = [Condition("at", ">=", moment(window.start)), Condition("at", "<", moment(window.end))]
        async for partition in self._partitions(window, teams):
            holds_all = _holds_all(window, partition)
            for low, high in ranges_of(None if holds_all else window):
                async for document in self._between(partition, low, high, [] if holds_all else within):
                    yield entry_of(document.body)

    async def events(self, team: str, month: str) -> AsyncIterator[Json]:
        """Yield the raw events of a partition: what stands between the ids that the ledger gives."""
        for low, high in _gaps(RESERVED):
            async for document in self._between(f"{team}|{month}", low, high, [Condition("kind", "=", "event")]):
                yield document.body

    async def entry(self, team: str, at: datetime, id: str) -> Entry | None:
        """Return an entry by its team, the time of its use and its id; None for what is no entry."""
        document = await self._documents.get(CONTAINER, partition_of(team, at.astimezone(UTC)), id)
        return entry_of(document.body) if document and document.body.get("kind") == "entry" else None

    async def head(self, team: str, month: str) -> Head:
        """Return how far a partition has come; one that does not exist is at its beginning."""
        return (await self.versioned_head(team, month))[0]

    async def versioned_head(self, team: str, month: str) -> tuple[Head, str | None]:
        """Return the head with its ETag: what goes into one batch with a replacement of the head was not overtaken."""
        document = await self._documents.get(CONTAINER, f"{team}|{month}", HEAD)
        return (head_of(document.body), document.etag) if document else (Head(), None)

    async def heads(self, window: Window) -> dict[tuple[str, str], Head]:
        """Return the heads of all partitions that a window touches, by team and month: the coverage that a report cites."""
        heads: dict[tuple[str, str], Head] = {}
        for month in months_of(window):
            for teams in batched(await self.partitions(month), _AT_ONCE, strict=False):
                found = await asyncio.gather(*(self.head(team, month) for team in teams))
                heads |= {(team, month): head for team, head in zip(teams, found, strict=True)}
        return heads

    async def _partitions(self, window: Window, teams: Collection[str] | None) -> AsyncIterator[str]:
        for month in months_of(window):
            for team in sorted(teams) if teams is not None else await self.partitions(month):
                yield f"{team}|{month}"

    async def _between(
        self, partition: str, low: str, high: str, conditions: Sequence[Condition] = ()
    ) -> AsyncIterator[Document]:
        """Yield the documents with `low <= id < high` in the order of their ids."""
        where = [Condition("id", ">=", low), Condition("id", "<", high), *conditions]
        cursor: str | None = None
        while True:
            page = await self._documents.query(CONTAINER, partition, where, limit=_PAGE, cursor=cursor)
            for document in page.documents:
                yield document
            if (cursor := page.cursor) is None:
                return


def _holds_all(window: Window, partition: str) -> bool:
    """Whether the whole month of a partition lies in the window."""
    start = datetime.fromisoformat(f"{partition.rpartition('|')[2]}-01T00:00:00+00:00")
    return window.start <= start and (start + timedelta(days=32)).replace(day=1) <= window.end


def _gaps(prefixes: Iterable[str]) -> list[tuple[str, str]]:
    """Return the ranges of ids that begin with none of the prefixes."""
    ordered = sorted(prefixes)
    return list(zip(["", *(prefix + "~" for prefix in ordered)], [*ordered, "\x7f"], strict=True))
