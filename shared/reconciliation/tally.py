"""What the cells of a partition must hold, kept as one number a cell, so that a million entries fit.

A fingerprint is linear: that of a sum is the sum of the fingerprints, each name of `Sums` being weighed with a random number. Two
different sums have the same one with a probability of 2^-127, whoever made them: the weights are drawn anew for every look.
"""

import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.ledger.model import Cell, CellKey, Dimensions, Entry, Grain, Head, Sums, add, cells_of, start_of
from shared.recent import Recent
from shared.reconciliation.model import Problem

PRIME = (1 << 127) - 1
_KEPT = 5_000


class Weights:
    """The fingerprints of one look at a partition."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}

    def fingerprint(self, sums: Sums) -> int:
        return sum(number * self._weight(name) for name, number in sums.items()) % PRIME

    def _weight(self, name: str) -> int:
        weight = self._of.get(name)
        if weight is None:
            weight = self._of[name] = secrets.randbelow(PRIME - 1) + 1
        return weight


class CellIds:
    """The cells that entries count in. Those of one hour, by the same caller, are the same; those of a day mostly so."""

    def __init__(self, time_zone: str) -> None:
        self._zone = time_zone
        self._known: Recent[tuple[datetime, Dimensions, tuple[str, ...]], Mapping[str, CellKey]] = Recent(_KEPT)
        self._ids: Recent[CellKey, str] = Recent(_KEPT)

    def of(self, entry: Entry) -> Mapping[str, CellKey]:
        """Return the keys of the entry's cells by their ids."""
        known = (start_of(Grain.HOUR, entry.at, self._zone), entry.dimensions, entry.tags)
        keys = self._known.get(known)
        if keys is None:
            keys = {self._id(key): key for key in cells_of(entry, self._zone)}
            self._known.remember(known, keys)
        return keys

    def _id(self, key: CellKey) -> str:
        id = self._ids.get(key)
        if id is None:
            id = key.id
            self._ids.remember(key, id)
        return id


@dataclass(frozen=True, slots=True)
class StoredCell:
    """A cell as it was found: without a fingerprint, what it says cannot be read or is not said of what its id names."""

    fingerprint: int | None
    etag: str


class Tally:
    """What a partition's cells hold, and what its entries say that they must."""

    def __init__(self, ids: CellIds) -> None:
        self._ids, self._weights = ids, Weights()
        self.stored: dict[str, StoredCell] = {}
        self.expected: dict[str, int] = {}
        self.sums: dict[str, int] = {}
        self.entries = self.usage = self.last_posting = 0
        self.last_posted_at: datetime | None = None

    def add_cell(self, id: str, etag: str, cell: Cell | None) -> None:
        is_its_own = cell is not None and cell.key.id == id
        self.stored[id] = StoredCell(self._weights.fingerprint(cell.sums) if cell and is_its_own else None, etag)

    def add_entry(self, entry: Entry, *, of_event: bool) -> None:
        counted = entry.counted()
        fingerprint = self._weights.fingerprint(counted)
        for id in self._ids.of(entry):
            self.expected[id] = self.expected.get(id, 0) + fingerprint
        for name, number in counted.items():
            self.sums[name] = self.sums.get(name, 0) + number
        self.entries += 1
        self.usage += of_event
        self.last_posting = max(self.last_posting, entry.posting)
        self.last_posted_at = max(self.last_posted_at or entry.posted_at, entry.posted_at)

    def is_head_right(self, head: Head | None) -> bool:
        if head is None:
            return not self.entries
        return head.events == self.usage and add(head.sums) == add(self.sums) and head.sequence >= self.last_posting

    def wrong_cells(self, changed: Collection[str] = ()) -> Iterator[tuple[Problem, str]]:
        """Return what is wrong, in the order of ids, but for cells that were written to while this was read."""
        for id in sorted(self.stored.keys() | self.expected.keys()):
            stored, expected = self.stored.get(id), self.expected.get(id)
            if id in changed:
                continue
            if stored is None:
                yield Problem.CELL_MISSING, id
            elif expected is None:
                yield Problem.CELL_SUPERFLUOUS, id
            elif stored.fingerprint != expected % PRIME:
                yield Problem.CELL_DIFFERS, id

    def changed(self, etags: Mapping[str, str]) -> set[str]:
        """Return the cells that have been written to since they were read, by the ETags that they have now."""
        touched = self.stored.keys() | self.expected.keys() | etags.keys()
        before = {id: cell.etag for id, cell in self.stored.items()}
        return {id for id in touched if before.get(id) != etags.get(id)}


def start_in(id: str) -> datetime:
    """Return when a cell begins, by its id."""
    return datetime.fromisoformat(id.split("|")[3])
