"""Rebuilds the cells and the head of a partition from its entries, which are the truth."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import batched

from shared.documents import (
    Create,
    Delete,
    DocumentExists,
    DocumentMissing,
    DocumentStore,
    Operation,
    PreconditionFailed,
    Replace,
)
from shared.ledger.model import CONTAINER, Cell, CellKey, Head
from shared.reconciliation.look import Look
from shared.reconciliation.model import Problem
from shared.reconciliation.partition import PartitionReader
from shared.reconciliation.ports import Forms
from shared.reconciliation.tally import CellIds

AT_ONCE = 5_000
"""Cells whose sums are held in memory; each lot takes one reading of the entries."""

_BATCH = 99
_TRIES = 5
_OVERTAKEN = (DocumentExists, DocumentMissing, PreconditionFailed)


class Repair:
    """What it writes holds whoever posts meanwhile: a cell is replaced only as it was before the entries were read.

    Every batch moves the head on, so that who remembers cells, or reads them between two looks at the head, learns of it.
    """

    def __init__(self, documents: DocumentStore, forms: Forms, ids: CellIds) -> None:
        self._documents, self._forms, self._ids = documents, forms, ids

    async def run(self, reader: PartitionReader, look: Look) -> int:
        """Put right what the look has shown, and return how many documents were. Raises StoreUnavailable.

        Stops where it was overtaken; the next look shows what is left.
        """
        done = 0
        if look.counts[Problem.HEAD_DIFFERS].number:
            if not await self._repair_head(reader, look):
                return done
            done += 1
        for ids in batched(look.wrong, AT_ONCE, strict=False):
            operations = await self._operations(reader, look, ids)
            for some in batched(operations, _BATCH, strict=False):
                if not await self._write(reader, some):
                    return done
                done += len(some)
        return done

    async def _repair_head(self, reader: PartitionReader, look: Look) -> bool:
        old, tally = look.head_value or Head(), look.tally
        head = Head(
            sequence=max(old.sequence, tally.last_posting) + 1,
            events=tally.usage,
            sums={name: number for name, number in tally.sums.items() if number},
            digest=self._forms.chained(old.digest, ()),
            last_posted_at=old.last_posted_at or tally.last_posted_at,
        )
        return await self._batch(
            reader, [_written(self._forms.head_document(head), look.head.etag if look.head else None)]
        )

    async def _operations(self, reader: PartitionReader, look: Look, ids: Iterable[str]) -> list[Operation]:
        """Read the entries once more, and return what makes these cells hold the sums of theirs."""
        cells: dict[str, tuple[CellKey | None, dict[str, int]]] = {id: (None, {}) for id in ids}
        async for document in reader.entries():
            entry = self._forms.entry_of(document.body)
            for id, key in self._ids.of(entry).items():
                if id in cells:
                    sums = cells[id][1]
                    for name, number in entry.counted().items():
                        sums[name] = sums.get(name, 0) + number
                    cells[id] = (key, sums)
        return [self._operation(look, id, key, sums) for id, (key, sums) in cells.items()]

    def _operation(self, look: Look, id: str, key: CellKey | None, sums: dict[str, int]) -> Operation:
        stored = look.tally.stored.get(id)
        if key is None:
            return Delete(id, stored.etag if stored else None)
        cell = Cell(key, {name: number for name, number in sums.items() if number})
        return _written(self._forms.cell_document(cell), stored.etag if stored else None)

    async def _write(self, reader: PartitionReader, operations: Sequence[Operation]) -> bool:
        """Write with the head as it is now: only that the cells are as they were matters."""
        for _ in range(_TRIES):
            document = await reader.head()
            head = self._forms.head_of(document.body) if document else Head()
            digest = self._forms.chained(head.digest, ())
            moved = replace(head, sequence=head.sequence + 1, digest=digest)
            last = _written(self._forms.head_document(moved), document.etag if document else None)
            if await self._batch(reader, [*operations, last]):
                return True
        return False

    async def _batch(self, reader: PartitionReader, operations: Sequence[Operation]) -> bool:
        try:
            await self._documents.batch(CONTAINER, reader.name, operations)
        except _OVERTAKEN:
            return False
        return True


def _written(document: object, etag: str | None) -> Operation:
    assert isinstance(document, dict)
    return Create(document) if etag is None else Replace(document, etag)
