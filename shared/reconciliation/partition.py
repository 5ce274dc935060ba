"""Reads a whole partition once, in the order of ids: every document comes by, and nothing is kept."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

from shared.clock import Clock
from shared.documents import Condition, Document, DocumentStore
from shared.ledger.model import CONTAINER

EVENT, ENTRY, CELL, HEAD = "event", "entry", "cell", "head"
USAGE = "led_"
"""The ids of usage entries: this, and the id of their event."""

_USAGE_END, _CELLS, _CELLS_END = "led_~", "cell|", "cell|~"
_PAGE = 500


@dataclass(slots=True)
class Count:
    """How many of something, and the first few."""

    most: int
    number: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, id: str) -> None:
        self.number += 1
        if len(self.examples) < self.most:
            self.examples.append(id)


class TimeIsUp(Exception):
    """A partition could not be read to its end in the time that there is."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """`at` is of the clock's monotonic time. Raises TimeIsUp."""

    clock: Clock
    at: float

    def check(self) -> None:
        if self.clock.monotonic() >= self.at:
            raise TimeIsUp


class PartitionReader:
    """A partition of the ledger as it is stored. Every method raises StoreUnavailable and, with a deadline, TimeIsUp."""

    def __init__(self, documents: DocumentStore, partition: str, deadline: Deadline | None = None) -> None:
        self._documents, self.name, self._deadline = documents, partition, deadline

    async def get(self, id: str) -> Document | None:
        return await self._documents.get(CONTAINER, self.name, id)

    async def head(self) -> Document | None:
        return await self.get(HEAD)

    async def goes_on(self, next_of: Callable[[str], str]) -> bool:
        """Whether there is a later volume: then this one was full, whatever its head says now."""
        volume, month = self.name.rsplit("|", 1)
        return await self._documents.get(CONTAINER, f"{next_of(volume)}|{month}", HEAD) is not None

    async def usage_entries(self) -> AsyncIterator[Document]:
        """Return the entries of events, in the order of the events' ids."""
        async for document in self._range(USAGE, _USAGE_END):
            yield document

    async def others(self) -> AsyncIterator[Document]:
        """Return everything but cells and the entries of events: events, other entries, the head, and what does not belong here."""
        for after, before in ((None, _CELLS), (_CELLS_END, USAGE), (_USAGE_END, None)):
            async for document in self._range(after, before):
                yield document

    async def cells(self) -> AsyncIterator[Document]:
        async for document in self._range(_CELLS, _CELLS_END):
            yield document

    async def entries(self) -> AsyncIterator[Document]:
        """Return the entries of every type."""
        async for document in self.usage_entries():
            if document.body.get("kind") == ENTRY:
                yield document
        async for document in self.others():
            if document.body.get("kind") == ENTRY:
                yield document

    async def _range(self, first: str | None, before: str | None) -> AsyncIterator[Document]:
        bounds: Iterable[Condition | None] = (
            None if first is None else Condition("id", ">=", first),
            None if before is None else Condition("id", "<", before),
        )
        where = [bound for bound in bounds if bound is not None]
        cursor: str | None = None
        while True:
            if self._deadline:
                self._deadline.check()
            page = await self._documents.query(CONTAINER, self.name, where, limit=_PAGE, cursor=cursor)
            for document in page.documents:
                yield document
            cursor = page.cursor
            if cursor is None:
                return


type Pair = tuple[Document | None, Document | None]


async def paired(events: AsyncIterator[Document], entries: AsyncIterator[Document]) -> AsyncIterator[Pair]:
    """Return events with their entries, and None for what is missing on one side. Both come in the order of ids."""
    event, entry = await anext(events, None), await anext(entries, None)
    while event is not None or entry is not None:
        of_event = str(event.body["id"]) if event else None
        of_entry = str(entry.body["id"]).removeprefix(USAGE) if entry else None
        has_event = of_event is not None and (of_entry is None or of_event <= of_entry)
        has_entry = of_entry is not None and (of_event is None or of_entry <= of_event)
        yield (event if has_event else None, entry if has_entry else None)
        if has_event:
            event = await anext(events, None)
        if has_entry:
            entry = await anext(entries, None)
