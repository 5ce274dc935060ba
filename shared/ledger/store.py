"""Reads the ledger: entries and raw events by time of use, cells by view and grain, and heads that say how far it has come."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import batched, groupby

from shared.documents import Condition, Document, DocumentStore, Json
from shared.ledger.documents import HEAD, PARTITIONS, RESERVED, cell_of, entry_of, head_of, moment, number_of, team_of
from shared.ledger.model import (
    CONTAINER,
    Cell,
    Entry,
    Grain,
    Head,
    View,
    add,
    cell_prefix,
    months_of,
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
        """Return the volumes that there are of a UTC month such as `2026-11`: of each team one, called as the team is, or more."""
        return await self._registered(month, "", "~")

    async def teams(self, month: str) -> list[str]:
        """Return the teams that have something in a UTC month."""
        return sorted({team_of(volume) for volume in await self.partitions(month)})

    async def volumes(self, team: str, month: str) -> list[str]:
        """Return the volumes of a team's month in their order."""
        return [volume for volume in await self._registered(month, team, f"{team}~~") if team_of(volume) == team]

    async def cells(
        self, view: View, grain: Grain, window: Window, teams: Collection[str] | None = None
    ) -> AsyncIterator[Cell]:
        """Yield the cells that begin in a window, of some teams or of all.

        A month of the reporting time zone may stand in two partitions, and what a team does in an hour in two volumes: cells with the
        same key have to be added up.
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
        """Yield the raw events of a team's month: what stands between the ids that the ledger gives."""
        for volume in await self.volumes(team, month):
            for low, high in _gaps(RESERVED):
                async for document in self._between(f"{volume}|{month}", low, high, [Condition("kind", "=", "event")]):
                    yield document.body

    async def entry(self, team: str, at: datetime, id: str) -> Entry | None:
        """Return an entry by its team, the time of its use and its id; None for what is no entry."""
        body = await self.find(team, at, id)
        return entry_of(body) if body and body.get("kind") == "entry" else None

    async def find(self, team: str, at: datetime, id: str) -> Json | None:
        """Return an entry or an event of a team by the time of its use and its id."""
        month = f"{at.astimezone(UTC):%Y-%m}"
        for volume in await self.volumes(team, month):
            if (document := await self._documents.get(CONTAINER, f"{volume}|{month}", id)) is not None:
                return document.body
        return None

    async def head(self, team: str, month: str) -> Head:
        """Return how far a team's month has come, all its volumes together; one that does not exist is at its beginning."""
        return await self._whole_head(await self.volumes(team, month), month)

    async def volume_head(self, volume: str, month: str) -> Head:
        """Return how far a partition has come; one that does not exist is at its beginning."""
        document = await self._documents.get(CONTAINER, f"{volume}|{month}", HEAD)
        return head_of(document.body) if document else Head()

    async def heads(self, window: Window) -> dict[tuple[str, str], Head]:
        """Return how far the teams have come in all months that a window touches: the coverage that a report cites."""
        heads: dict[tuple[str, str], Head] = {}
        for month in months_of(window):
            teams = [(team, list(volumes)) for team, volumes in groupby(await self.partitions(month), team_of)]
            for some in batched(teams, _AT_ONCE, strict=False):
                found = await asyncio.gather(*(self._whole_head(volumes, month) for _, volumes in some))
                heads |= {(team, month): head for (team, _), head in zip(some, found, strict=True)}
        return heads

    async def _whole_head(self, volumes: Iterable[str], month: str) -> Head:
        heads = [await self.volume_head(volume, month) for volume in volumes]
        return _whole([head for head in heads if head.sequence])

    async def _registered(self, month: str, low: str, high: str) -> list[str]:
        """Return volumes by team and number: what is registered is everything, whatever became of heads."""
        found = self._between(PARTITIONS, f"{month}|{low}", f"{month}|{high}")
        volumes = [str(document.body["id"]).partition("|")[2] async for document in found]
        return sorted(volumes, key=lambda volume: (team_of(volume), number_of(volume)))

    async def _partitions(self, window: Window, teams: Collection[str] | None) -> AsyncIterator[str]:
        for month in months_of(window):
            if teams is None:
                for volume in await self.partitions(month):
                    yield f"{volume}|{month}"
            else:
                for team in sorted(teams):
                    for volume in await self.volumes(team, month):
                        yield f"{volume}|{month}"

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


def _whole(heads: Sequence[Head]) -> Head:
    """Return how far the volumes of a team's month have come together: whatever changes in one of them, it is another head."""
    if len(heads) < 2:
        return heads[0] if heads else Head()
    posted = [head.last_posted_at for head in heads if head.last_posted_at]
    return Head(
        sequence=heads[-1].sequence,
        events=sum(head.events for head in heads),
        sums=add(*(head.sums for head in heads)),
        digest=sha256("\n".join(f"{head.sequence} {head.digest}" for head in heads).encode()).hexdigest(),
        last_posted_at=max(posted, default=None),
        bytes=sum(head.bytes for head in heads),
    )


def _holds_all(window: Window, partition: str) -> bool:
    """Whether the whole month of a partition lies in the window."""
    start = datetime.fromisoformat(f"{partition.rpartition('|')[2]}-01T00:00:00+00:00")
    return window.start <= start and (start + timedelta(days=32)).replace(day=1) <= window.end


def _gaps(prefixes: Iterable[str]) -> list[tuple[str, str]]:
    """Return the ranges of ids that begin with none of the prefixes."""
    ordered = sorted(prefixes)
    return list(zip(["", *(prefix + "~" for prefix in ordered)], [*ordered, "\x7f"], strict=True))
