"""Rebuilds the cells and the head of a partition from its entries, which are the truth."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import batched

from shared.documents import (
    Create,
    Delete,
    Document,
    DocumentExists,
    DocumentMissing,
    DocumentStore,
    Operation,
    PreconditionFailed,
    Replace,
)
from shared.ledger.model import CONTAINER, ENTRY_BYTES, Cell, CellKey, Head, Sums, accumulate, add
from shared.reconciliation.look import Look, posting_of, read
from shared.reconciliation.model import Problem
from shared.reconciliation.partition import PartitionReader
from shared.reconciliation.ports import Forms
from shared.reconciliation.tally import CellIds

AT_ONCE = 5_000
"""Cells whose sums are held in memory; each lot takes one reading of the entries."""

_BATCH = 99
_TRIES = 8
_OVERTAKEN = (DocumentExists, DocumentMissing, PreconditionFailed)


@dataclass(frozen=True, slots=True)
class _Hot:
    """A cell that is posted to while it is repaired, as it was read: `through` is the last posting in its sums."""

    etag: str | None
    sums: Sums
    through: int


@dataclass(slots=True)
class _Wrong:
    """A cell that is wrong: what it must hold as long as it has this ETag, and what it lacks however much is posted meanwhile."""

    id: str
    etag: str | None
    hot: _Hot | None = None
    key: CellKey | None = None
    sums: dict[str, int] | None = None

    @property
    def must_hold(self) -> Sums:
        return add(self.sums or {})

    @property
    def lacks(self) -> Sums | None:
        if self.hot is None or self.key is None:
            return None
        return add(self.must_hold, {name: -number for name, number in self.hot.sums.items()})


class Repair:
    """What it writes holds whoever posts meanwhile: a cell is replaced only as it was before the entries were read.

    Where a cell is posted to all the time, what it lacks is added to what it holds by then: postings do not change that, and that
    nobody else has repaired it the head's `repairs` tell. Every batch moves the head on, so that who remembers cells, or reads them
    between two looks at the head, learns of it.
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
            repairs, wrong = await self._wrong(reader, look, ids)
            for some in batched(wrong, _BATCH, strict=False):
                written = await self._write(reader, some, repairs)
                if written is None:
                    return done
                done, repairs = done + written, repairs + bool(written)
        return done

    async def _repair_head(self, reader: PartitionReader, look: Look) -> bool:
        old, tally = look.head_value or Head(), look.tally
        head = replace(
            old,
            sequence=max(old.sequence, tally.last_posting) + 1,
            events=tally.usage,
            sums={name: number for name, number in tally.sums.items() if number},
            digest=self._forms.chained(old.digest, ()),
            last_posted_at=old.last_posted_at or tally.last_posted_at,
            repairs=old.repairs + 1,
            bytes=old.bytes or tally.entries * ENTRY_BYTES,
            first_at=old.first_at if tally.is_within(old) else None,
            last_at=old.last_at if tally.is_within(old) else None,
            is_full=old.is_full or await reader.goes_on(self._forms.next_of),
        )
        return await self._batch(
            reader, [_written(self._forms.head_document(head), look.head.etag if look.head else None)]
        )

    async def _wrong(self, reader: PartitionReader, look: Look, ids: Iterable[str]) -> tuple[int, list[_Wrong]]:
        """Read the entries once more, and return the head's repairs before that, and what these cells must hold."""
        head = await self._head(reader)
        wrong = {id: await self._cell(reader, look, id, head.sequence) for id in ids}
        async for document in reader.entries():
            entry = read(self._forms.entry_of, document)
            if entry is None:
                # The look has told of it, and did not count it either.
                continue
            for id, key in self._ids.of(entry).items():
                cell = wrong.get(id)
                if cell is not None and (cell.hot is None or entry.posting <= cell.hot.through):
                    cell.key, cell.sums = key, cell.sums or {}
                    accumulate(cell.sums, entry.counted())
        return head.repairs, list(wrong.values())

    async def _cell(self, reader: PartitionReader, look: Look, id: str, sequence: int) -> _Wrong:
        stored = look.tally.stored.get(id)
        if id not in look.changed:
            return _Wrong(id, stored.etag if stored else None)
        document = await reader.get(id)
        if document is None:
            return _Wrong(id, None, _Hot(None, {}, sequence))
        cell, posting = read(self._forms.cell_of, document), posting_of(document)
        hot = None if cell is None or posting is None else _Hot(document.etag, cell.sums, max(sequence, posting))
        return _Wrong(id, document.etag, hot)

    async def _write(self, reader: PartitionReader, wrong: Sequence[_Wrong], repairs: int) -> int | None:
        """Write with the head as it is now, and return how many cells were; None where others were always faster."""
        for attempt in range(_TRIES):
            document = await reader.head()
            head = self._forms.head_of(document.body) if document else Head()
            asked = [cell.id for cell in wrong if attempt or cell.hot is not None]
            now = dict(zip(asked, await asyncio.gather(*map(reader.get, asked)), strict=True))
            moved = replace(
                head,
                sequence=head.sequence + 1,
                digest=self._forms.chained(head.digest, ()),
                repairs=head.repairs + 1,
            )
            operations = list(self._operations(wrong, now, moved, is_alone=head.repairs == repairs))
            if not operations:
                return 0
            last = _written(self._forms.head_document(moved), document.etag if document else None)
            if await self._batch(reader, [*operations, last]):
                return len(operations)
        return None

    def _operations(
        self, wrong: Iterable[_Wrong], now: Mapping[str, Document | None], head: Head, *, is_alone: bool
    ) -> Iterable[Operation]:
        """Yield what puts the cells right that are as they were read, or were only posted to. Of the others the next look tells."""
        for cell in wrong:
            found = now.get(cell.id)
            etag = cell.etag if cell.id not in now else (found.etag if found else None)
            if etag is None and cell.key is None:
                continue
            if etag == cell.etag:
                yield self._operation(cell, cell.must_hold, etag, head)
            elif is_alone and found and (lacks := cell.lacks) and (held := read(self._forms.cell_of, found)):
                yield self._operation(cell, add(held.sums, lacks), etag, head)

    def _operation(self, cell: _Wrong, sums: Sums, etag: str | None, head: Head) -> Operation:
        if cell.key is None:
            return Delete(cell.id, etag)
        return _written(self._forms.cell_document(Cell(cell.key, sums), posting=head.sequence), etag)

    async def _head(self, reader: PartitionReader) -> Head:
        document = await reader.head()
        return self._forms.head_of(document.body) if document else Head()

    async def _batch(self, reader: PartitionReader, operations: Sequence[Operation]) -> bool:
        try:
            await self._documents.batch(CONTAINER, reader.name, operations)
        except _OVERTAKEN:
            return False
        return True


def _written(document: object, etag: str | None) -> Operation:
    assert isinstance(document, dict)
    return Create(document) if etag is None else Replace(document, etag)
