"""One look at a partition: what is wrong in it, without a false alarm while others go on posting to it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from shared.documents import Document, Json
from shared.ledger.model import Head
from shared.reconciliation.model import EXAMPLES, Difference, Problem
from shared.reconciliation.partition import CELL, ENTRY, EVENT, HEAD, USAGE, Count, PartitionReader, paired
from shared.reconciliation.ports import Forms
from shared.reconciliation.tally import CellIds, Tally, start_in

ASKED_AGAIN = 1_000
"""Events and entries without each other that are looked up once more where the partition has changed meanwhile."""

_UNREADABLE = (KeyError, ValueError, TypeError, AttributeError, IndexError)


@dataclass(slots=True)
class Look:
    """What was seen. `head` is the document as it was before; `changed` are cells that were written to meanwhile.

    Nothing can be said of the `unjudged` among these.
    """

    tally: Tally
    head: Document | None
    head_value: Head | None
    events: int
    counts: dict[Problem, Count]
    wrong: dict[str, Problem]
    changed: frozenset[str]
    unjudged: frozenset[str]
    is_quiet: bool

    @property
    def differences(self) -> tuple[Difference, ...]:
        found = ((problem, self.counts[problem]) for problem in Problem if problem in self.counts)
        return tuple(
            Difference(problem, count.number, tuple(count.examples[:EXAMPLES]))
            for problem, count in found
            if count.number
        )

    @property
    def unsettled(self) -> tuple[datetime, ...]:
        return tuple(sorted({start_in(id) for id in self.unjudged}))


class Observer:
    """Looks at partitions. `archived` events of a partition may be missing from it. Raises StoreUnavailable."""

    def __init__(self, forms: Forms, ids: CellIds) -> None:
        self._forms, self._ids = forms, ids

    async def look(self, reader: PartitionReader, archived: int) -> Look:
        """Cells are read before the entries, and say up to which posting they count: later entries are not missed in them.

        Of one that does not say so the ETag has to be the same afterwards.
        """
        head = await reader.head()
        value = read(self._forms.head_of, head)
        tally = Tally(self._ids, value.sequence if value else None)
        counts = {problem: Count(ASKED_AGAIN) for problem in Problem}
        async for document in reader.cells():
            self._take_cell(document, tally, counts)
        events = await self._pair(reader, tally, counts)
        after = await reader.head()
        is_quiet = _etag(head) == _etag(after)
        changed = frozenset() if is_quiet else frozenset(tally.changed(await _etags(reader)))
        unjudged = frozenset(tally.unjudged(changed))
        if is_quiet and not (tally.is_head_right(value) and await self._ends_right(reader, value)):
            counts[Problem.HEAD_DIFFERS].add(HEAD)
        if not is_quiet:
            await _ask_again(reader, counts)
        _allow_for(archived, counts[Problem.ENTRY_WITHOUT_EVENT])
        wrong = {id: problem for problem, id in tally.wrong_cells(unjudged)}
        for id, problem in wrong.items():
            counts[problem].add(id)
        return Look(tally, head, value, events, counts, wrong, changed, unjudged, is_quiet)

    async def _ends_right(self, reader: PartitionReader, head: Head | None) -> bool:
        return head is None or head.is_full or not await reader.goes_on(self._forms.next_of)

    def _take_cell(self, document: Document, tally: Tally, counts: dict[Problem, Count]) -> None:
        id = str(document.body["id"])
        if document.body.get("kind") == CELL and id.count("|") == 4:
            tally.add_cell(id, document.etag, read(self._forms.cell_of, document), posting_of(document))
        else:
            counts[Problem.UNKNOWN_DOCUMENT].add(id)

    async def _pair(self, reader: PartitionReader, tally: Tally, counts: dict[Problem, Count]) -> int:
        """Count every entry, hold those of events against the events, and return how many events there are."""
        number = 0
        events = self._events(reader, tally, counts)
        async for event, entry in paired(events, self._usage(reader, tally, counts)):
            number += event is not None
            if entry is None and event is not None:
                counts[Problem.EVENT_WITHOUT_ENTRY].add(str(event.body["id"]))
                if (at := read(_started, event)) is not None:
                    tally.add_time(at)
            elif event is None and entry is not None:
                counts[Problem.ENTRY_WITHOUT_EVENT].add(str(entry.body["id"]))
        return number

    async def _usage(
        self, reader: PartitionReader, tally: Tally, counts: dict[Problem, Count]
    ) -> AsyncIterator[Document]:
        async for document in reader.usage_entries():
            if self._count_entry(document, tally, counts, of_event=True):
                yield document

    async def _events(
        self, reader: PartitionReader, tally: Tally, counts: dict[Problem, Count]
    ) -> AsyncIterator[Document]:
        async for document in reader.others():
            kind = document.body.get("kind")
            if kind == EVENT:
                yield document
            elif kind == ENTRY:
                self._count_entry(document, tally, counts, of_event=False)
            elif document.body["id"] != HEAD:
                counts[Problem.UNKNOWN_DOCUMENT].add(str(document.body["id"]))

    def _count_entry(self, document: Document, tally: Tally, counts: dict[Problem, Count], *, of_event: bool) -> bool:
        entry = read(self._forms.entry_of, document) if document.body.get("kind") == ENTRY else None
        if entry is None:
            counts[Problem.UNKNOWN_DOCUMENT].add(str(document.body["id"]))
            return False
        tally.add_entry(entry, of_event=of_event)
        return True


def posting_of(cell: Document) -> int | None:
    """Return up to which posting a cell counts; None where it does not say so."""
    posting = cell.body.get("posting")
    return posting if type(posting) is int else None


def read[T](read: Callable[[Json], T], document: Document | None) -> T | None:
    """Return what a document says, or None where it says nothing that can be read."""
    try:
        return read(document.body) if document else None
    except _UNREADABLE:
        return None


def _started(event: Json) -> datetime:
    return datetime.fromisoformat(str(event["started_at"]))


async def _etags(reader: PartitionReader) -> dict[str, str]:
    return {str(document.body["id"]): document.etag async for document in reader.cells()}


async def _ask_again(reader: PartitionReader, counts: dict[Problem, Count]) -> None:
    """Leave out what only seemed to lack the other, because it was posted while the pages of one of them were read."""
    for count in (counts[Problem.EVENT_WITHOUT_ENTRY], counts[Problem.ENTRY_WITHOUT_EVENT]):
        for id in list(count.examples):
            event = id.removeprefix(USAGE)
            if (await reader.get(event) is None) is (await reader.get(USAGE + event) is None):
                count.examples.remove(id)
                count.number -= 1


def _allow_for(archived: int, count: Count) -> None:
    count.number = max(0, count.number - archived)
    del count.examples[count.number :]


def _etag(document: Document | None) -> str | None:
    return document.etag if document else None
