"""Posts entries to the ledger, each once however often it is tried: one atomic batch changes entries, cells and head together."""

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
from shared.ledger.documents import ENTRY_PREFIXES, HEAD, PARTITIONS, cell_of, head_of
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
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._documents, self._clock, self._sleep = documents, clock, sleep
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

    async def _post_to(self, partition: str, items: Iterable[Item]) -> int:
        """One posting at a time in each partition: two would only get in each other's way."""
        async with self._slots, self._locks[hash(partition) % _LOCKS]:
            await self._register(partition)
            return sum([await self._post_chunk(partition, chunk) for chunk in chunks(items)])

    async def _register(self, partition: str) -> None:
        """Before anything else, so that no partition is ever overlooked."""
        if partition in self._registered:
            return
        team, month = partition.rsplit("|", 1)
        body = {"id": f"{month}|{team}", "kind": "partition", "team": team, "month": month}
        await self._documents.upsert(CONTAINER, PARTITIONS, body)
        self._registered.remember(partition, True)

    async def _post_chunk(self, partition: str, chunk: Sequence[Item]) -> int:
        for attempt in range(ATTEMPTS):
            # Put back only when the store has answered: after anything else nobody knows what is stored.
            book = self._books.pop(partition, None) or await self._open(partition)
            try:
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
                    return 0
                chunk = left
            else:
                self._books.remember(partition, book)
                return len(chunk)
        raise Contended(f"others kept posting to the same partition during {ATTEMPTS} attempts")

    async def _pause(self, attempt: int) -> None:
        await self._sleep(random.uniform(0, min(_LONGEST_S, _PAUSE_S * 2**attempt)))

    async def _write(self, partition: str, book: _Book, chunk: Sequence[Item]) -> None:
        cells = await self._known(partition, book, {id for item in chunk for id in item.cells})
        batch = batch_of(chunk, book.head, book.etag, cells, self._clock.now())
        written = await self._documents.batch(CONTAINER, partition, batch.operations)
        head = written[0]
        assert head is not None
        book.head, book.etag = batch.head, head.etag
        for id, known in batch.known(written):
            self._cells.remember((partition, id), (book, known))

    async def _open(self, partition: str) -> _Book:
        document = await self._documents.get(CONTAINER, partition, HEAD)
        return _Book(head_of(document.body), document.etag, False) if document else _Book(Head(), None, True)

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
