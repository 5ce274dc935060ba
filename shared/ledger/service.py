"""Posts entries to the ledger, each once however often it is tried: one atomic batch changes entries, cells and head together.

A partition that is full takes nothing more, so who finds an entry neither in it nor in those before may post it to the next.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from shared.clock import Clock
from shared.documents import (
    Document,
    DocumentExists,
    DocumentMissing,
    DocumentStore,
    Json,
    PreconditionFailed,
    StoreUnavailable,
)
from shared.ledger.batch import NOTHING, Cells, Item, Known, batch_of, chunks
from shared.ledger.documents import (
    ADJUSTMENT,
    ENTRY_PREFIXES,
    HEAD,
    MOST_BYTES,
    PARTITIONS,
    cell_of,
    head_of,
    next_of,
    team_of,
)
from shared.ledger.model import CONTAINER, MOST_TAGS, Entry, Head
from shared.recent import Recent

ATTEMPTS = 12
_LOCKS, _AT_ONCE = 64, 16
_HEADS, _CELLS, _REGISTERED = 1_000, 10_000, 10_000
_PAUSE_S, _LONGEST_S = 0.01, 1.0


class Contended(StoreUnavailable):
    """Others kept posting to the same partition; it can be tried again later."""


@dataclass(slots=True, eq=False)
class _Book:
    """The head of a partition as this process last saw it. What is remembered of its cells holds as long as the head does.

    `is_new`: the partition began here, so that what is not remembered is not there.
    """

    head: Head
    etag: str | None
    is_new: bool


class LedgerService:
    """Remembers heads and cells with their ETags: where nobody else posts to a partition, a posting reads nothing.

    Nothing depends on what is remembered being true: the store compares ETags, and refuses an entry that it has.
    """

    def __init__(
        self,
        documents: DocumentStore,
        clock: Clock,
        *,
        time_zone: str,
        most_bytes: int = MOST_BYTES,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._documents, self._clock, self._sleep, self._most_bytes = documents, clock, sleep, most_bytes
        self._cells_of = Cells(time_zone).of
        self._locks = [asyncio.Lock() for _ in range(_LOCKS)]
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._registered: Recent[str, bool] = Recent(_REGISTERED)
        self._books: Recent[str, _Book] = Recent(_HEADS)
        self._cells: Recent[tuple[str, str], tuple[_Book, Known]] = Recent(_CELLS)

    async def post(self, entries: Sequence[Entry], events: Sequence[Json] = ()) -> int:
        """Write what is not there yet, and return how many entries were new.

        Each event is stored with the entry that names it, unless it is stored already. Partitions succeed or fail each for
        itself. Raises StoreUnavailable when one failed, after the others are done; then it is safe to post all of it again.
        """
        partitions = self._by_partition(entries, events)
        outcomes = await asyncio.gather(
            *(self._post_to(partition, items) for partition, items in partitions.items()), return_exceptions=True
        )
        new = 0
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            new += outcome
        return new

    def _by_partition(self, entries: Sequence[Entry], events: Sequence[Json]) -> dict[str, list[Item]]:
        by_id = {event["id"]: event for event in events}
        partitions: dict[str, dict[str, Item]] = {}
        for entry in entries:
            _check(entry)
            item = Item(entry, self._cells_of(entry), by_id.pop(entry.event, None) if entry.event else None)
            partitions.setdefault(entry.partition, {}).setdefault(entry.id, item)
        if by_id:
            raise ValueError("an event is posted with the entry that names it")
        return {partition: list(items.values()) for partition, items in partitions.items()}

    async def _post_to(self, partition: str, items: Sequence[Item]) -> int:
        """One posting at a time in each team's month: two would only get in each other's way."""
        async with self._slots, self._locks[hash(partition) % _LOCKS]:
            volume, month = partition.rsplit("|", 1)
            new, before = 0, Head()
            while items:
                await self._register(volume, month)
                partition = f"{volume}|{month}"
                outcomes = [await self._post_chunk(partition, chunk, before) for chunk in chunks(items)]
                new += sum(posted for posted, _ in outcomes)
                if items := [item for _, rest in outcomes for item in rest]:
                    volume, before = next_of(volume), (await self._book(partition, before)).head
            return new

    async def _register(self, volume: str, month: str) -> None:
        """Before anything else, so that no partition is ever overlooked."""
        id = f"{month}|{volume}"
        if id in self._registered:
            return
        body = {"id": id, "kind": "partition", "team": team_of(volume), "month": month}
        await self._documents.upsert(CONTAINER, PARTITIONS, body)
        self._registered.remember(id, True)

    async def _post_chunk(self, partition: str, chunk: Sequence[Item], before: Head) -> tuple[int, Sequence[Item]]:
        """Return how many entries were new, and what is not in here and has no place any more: it belongs into the next volume."""
        rest: list[Item] = []
        given = {item.entry.id: item for item in chunk}
        for attempt in range(ATTEMPTS):
            # Put back only when the store has answered: after anything else nobody knows what is stored.
            book = await self._book(partition, before)
            self._books.pop(partition, None)
            if book.head.is_full:
                chunk, others = await self._divided(partition, book.head, [given[item.entry.id] for item in chunk])
                rest += others
            try:
                if chunk:
                    await self._write(partition, book, chunk)
            except (PreconditionFailed, DocumentMissing):
                # Others were faster. To look for what they posted costs as much as a try: should it be the same, that will say so.
                await self._pause(attempt)
            except DocumentExists:
                left = await self._not_yet_posted(partition, chunk)
                if left == chunk:
                    await self._pause(attempt)
                else:
                    self._books.remember(partition, book)
                if not left:
                    return 0, rest
                chunk = left
            else:
                self._books.remember(partition, book)
                return len(chunk), rest
        raise Contended(f"others kept posting to the same partition during {ATTEMPTS} attempts")

    async def _divided(self, partition: str, head: Head, items: Sequence[Item]) -> tuple[Sequence[Item], list[Item]]:
        """Return what stays in a full partition, as it has its event but not its entry there; and what has neither, and goes on.

        What somebody adjusts may be given another time under the same id.
        """
        asked = {
            item.entry.id: item
            for item in items
            if head.may_hold(item.entry.at) or item.entry.id.startswith(ADJUSTMENT)
        }
        missing = await self._not_yet_posted(partition, list(asked.values()))
        stays = [item for item in missing if item.event is not asked[item.entry.id].event]
        goes_on = [item for item in missing if item.event is asked[item.entry.id].event]
        return stays, [*goes_on, *(item for item in items if item.entry.id not in asked)]

    async def _pause(self, attempt: int) -> None:
        await self._sleep(random.uniform(0, min(_LONGEST_S, _PAUSE_S * 2**attempt)))

    async def _write(self, partition: str, book: _Book, chunk: Sequence[Item]) -> None:
        cells = await self._known(partition, book, {id for item in chunk for id in item.cells})
        batch = batch_of(chunk, book.head, book.etag, cells, self._clock.now(), self._most_bytes)
        written = await self._documents.batch(CONTAINER, partition, batch.operations)
        head = written[0]
        assert head is not None
        book.head, book.etag = batch.head, head.etag
        for id, known in batch.known(written):
            self._cells.remember((partition, id), (book, known))

    async def _book(self, partition: str, before: Head) -> _Book:
        """Return a partition as it was seen last; one that is not there goes on from the head of the volume `before`."""
        if book := self._books.get(partition):
            return book
        document = await self._documents.get(CONTAINER, partition, HEAD)
        if document is not None:
            return _Book(head_of(document.body), document.etag, False)
        volume, month = partition.rsplit("|", 1)
        if await self._documents.get(CONTAINER, f"{next_of(volume)}|{month}", HEAD) is not None:
            raise Contended("the head of a full volume is lost until reconciliation has made it anew")
        return _Book(Head(sequence=before.sequence, digest=before.digest), None, True)

    async def _known(self, partition: str, book: _Book, ids: Iterable[str]) -> Mapping[str, Known]:
        known: dict[str, Known] = {}
        unknown: list[str] = []
        for id in ids:
            remembered, cell = self._cells.get((partition, id), (None, NOTHING))
            if remembered is book or book.is_new:
                known[id] = cell if remembered is book else NOTHING
            else:
                unknown.append(id)
        found = await self._read(partition, unknown)
        return known | {id: _known(found.get(id)) for id in unknown}

    async def _not_yet_posted(self, partition: str, chunk: Sequence[Item]) -> Sequence[Item]:
        """Return what the store does not have. Where it has the event but no entry of it, the entry alone is posted."""
        posted = await self._read(partition, [item.entry.id for item in chunk])
        left = [item for item in chunk if item.entry.id not in posted]
        stored = await self._read(partition, [str(item.event["id"]) for item in left if item.event])
        return [replace(item, event=None) if item.event and item.event["id"] in stored else item for item in left]

    async def _read(self, partition: str, ids: Sequence[str]) -> dict[str, Document]:
        documents = await asyncio.gather(*(self._documents.get(CONTAINER, partition, id) for id in ids))
        return {id: document for id, document in zip(ids, documents, strict=True) if document is not None}


def _known(document: Document | None) -> Known:
    return Known(cell_of(document.body).sums, document.etag) if document else NOTHING


def _check(entry: Entry) -> None:
    if not entry.id.startswith(ENTRY_PREFIXES):
        raise ValueError(f"the id of an entry begins with one of {', '.join(ENTRY_PREFIXES)}")
    if len(entry.tags) > MOST_TAGS:
        raise ValueError(f"an entry has at most {MOST_TAGS} tags")
