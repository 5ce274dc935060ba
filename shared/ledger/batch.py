"""What one posting writes: events, entries, the new sums of their cells, and the head, in one atomic batch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import orjson

from shared.documents import Create, Document, Json, Operation, Replace
from shared.ledger.documents import MOST_BYTES, USAGE, cell_document, chained, entry_document, head_document
from shared.ledger.model import Cell, CellKey, Entry, Grain, Head, Sums, accumulate, add, cells_of, start_of
from shared.recent import Recent

MOST = 100
"""Operations of a batch."""

_PLANS = 5_000
_CELL = 2_000
"""Bytes that a cell may grow to."""


@dataclass(frozen=True, slots=True)
class Item:
    """An entry with the cells that it counts in, by their ids, and the event that is stored with it."""

    entry: Entry
    cells: Mapping[str, CellKey]
    event: Json | None = None

    @property
    def order(self) -> str:
        """What is used in the same hour by the same shares its cells, and so stands together."""
        return next(iter(self.cells))


@dataclass(frozen=True, slots=True)
class Known:
    """A cell as it is stored; without an ETag there is none yet."""

    sums: Sums
    etag: str | None = None


NOTHING = Known({})


class Cells:
    """Finds the cells of entries. Who calls goes on calling, so the ids of the last few thousand are kept."""

    def __init__(self, time_zone: str) -> None:
        self._time_zone = time_zone
        self._recent: Recent[object, Mapping[str, CellKey]] = Recent(_PLANS)

    def of(self, entry: Entry) -> Mapping[str, CellKey]:
        key = (entry.dimensions, entry.tags, start_of(Grain.HOUR, entry.at, self._time_zone))
        cells = self._recent.get(key)
        if cells is None:
            cells = {cell.id: cell for cell in cells_of(entry, self._time_zone)}
            self._recent.remember(key, cells)
        return cells


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Divide items so that each chunk fits into a batch, with those together that share cells."""
    chunk: list[Item] = []
    cells: set[str] = set()
    operations = 1
    for item in sorted(items, key=lambda item: item.order):
        more = 1 + (item.event is not None) + len(item.cells.keys() - cells)
        if operations + more > MOST:
            yield chunk
            chunk, cells, operations = [], set(), 1
            more = 1 + (item.event is not None) + len(item.cells)
        chunk.append(item)
        cells |= item.cells.keys()
        operations += more
    if chunk:
        yield chunk


@dataclass(frozen=True, slots=True)
class Batch:
    """The state of a partition after a posting, and the operations that lead there from what is known."""

    head: Head
    cells: Mapping[str, Sums]
    operations: Sequence[Operation] = field(repr=False)

    def known(self, written: Sequence[Document | None]) -> Iterator[tuple[str, Known]]:
        """Yield the cells under the ETags that they have got."""
        for (id, sums), document in zip(self.cells.items(), written[1:], strict=False):
            if document is not None:
                yield id, Known(sums, document.etag)


def batch_of(
    items: Sequence[Item],
    head: Head,
    etag: str | None,
    known: Mapping[str, Known],
    now: datetime,
    most_bytes: int = MOST_BYTES,
) -> Batch:
    """Return the batch that takes a partition from `head` and its known cells to the next state; the last one fills it."""
    each = [item.entry.counted() for item in items]
    counted = _count(items, each)
    keys = {id: key for item in items for id, key in item.cells.items()}
    cells = {id: add(known[id].sums, counted[id]) for id in keys}
    sequence = head.sequence + 1
    entries = [entry_document(item.entry, sequence) for item in items]
    events = [item.event for item in items if item.event is not None]
    size = head.bytes + sum(map(_size, (*entries, *events))) + _CELL * sum(known[id].etag is None for id in keys)
    first_at, last_at = _times(head, items)
    after = replace(
        head,
        sequence=sequence,
        events=head.events + sum(item.entry.id.startswith(USAGE) for item in items),
        sums=add(head.sums, *each),
        digest=chained(head.digest, [(item.entry.id, sums) for item, sums in zip(items, each, strict=True)]),
        last_posted_at=now,
        bytes=size,
        first_at=first_at,
        last_at=last_at,
        is_full=head.is_full or size >= most_bytes,
    )
    operations = [
        _written(head_document(after), etag),
        *(
            _written(cell_document(Cell(keys[id], sums), id, after.sequence), known[id].etag)
            for id, sums in cells.items()
        ),
        *map(Create, entries),
        *map(Create, events),
    ]
    return Batch(after, cells, operations)


def _count(items: Sequence[Item], counted: Sequence[Sums]) -> dict[str, dict[str, int]]:
    """Return what each cell grows by. What shares all its cells is added up first."""
    together: dict[int, tuple[Item, dict[str, int]]] = {}
    for item, sums in zip(items, counted, strict=True):
        accumulate(together.setdefault(id(item.cells), (item, {}))[1], sums)
    cells: dict[str, dict[str, int]] = {}
    for item, total in together.values():
        for cell in item.cells:
            accumulate(cells.setdefault(cell, {}), total)
    return cells


def _size(document: Json) -> int:
    return len(orjson.dumps(document))


def _times(head: Head, items: Sequence[Item]) -> tuple[datetime | None, datetime | None]:
    """Return the first and the last time of use in a partition; where that was lost, it stays unknown."""
    times = [item.entry.at for item in items]
    if head.first_at is not None and head.last_at is not None:
        times += [head.first_at, head.last_at]
    elif head.sums:
        return None, None
    return min(times), max(times)


def _written(document: Json, etag: str | None) -> Operation:
    return Create(document) if etag is None else Replace(document, etag)
