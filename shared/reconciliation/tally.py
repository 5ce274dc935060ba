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
    """A cell as it was found: without a fingerprint, what it says cannot be read or is not said of what its id names.

    `posting` is the last one that is in its sums; None where it does not say so.
    """

    fingerprint: int | None
    etag: str
    posting: int | None = None


class Tally:
    """What a partition's cells hold, and what its entries say that they must.

    `through` is the last posting that was there before the first cell was read, None where nobody knows: cells are added first, then
    entries, of which each counts in the cells that can know of it.
    """

    def __init__(self, ids: CellIds, through: int | None = None) -> None:
        self._ids, self._weights, self._through = ids, Weights(), through
        self.stored: dict[str, StoredCell] = {}
        self.expected: dict[str, int] = {}
        self.sums: dict[str, int] = {}
        self.entries = self.usage = self.last_posting = 0
        self.last_posted_at: datetime | None = None
        self.first_at: datetime | None = None
        self.last_at: datetime | None = None

    def add_cell(self, id: str, etag: str, cell: Cell | None, posting: int | None = None) -> None:
        is_its_own = cell is not None and cell.key.id == id
        fingerprint = self._weights.fingerprint(cell.sums) if cell and is_its_own else None
        self.stored[id] = StoredCell(fingerprint, etag, posting)

    def add_entry(self, entry: Entry, *, of_event: bool) -> None:
        counted = entry.counted()
        fingerprint = self._weights.fingerprint(counted)
        is_old = self._through is None or entry.posting <= self._through
        for id in self._ids.of(entry):
            if is_old or self._knows(id, entry.posting):
                self.expected[id] = self.expected.get(id, 0) + fingerprint
        for name, number in counted.items():
            self.sums[name] = self.sums.get(name, 0) + number
        self.entries += 1
        self.usage += of_event
        self.last_posting = max(self.last_posting, entry.posting)
        self.last_posted_at = max(self.last_posted_at or entry.posted_at, entry.posted_at)
        self.add_time(entry.at)

    def add_time(self, at: datetime) -> None:
        """Also of an event without an entry: by its time the entry is looked for."""
        self.first_at, self.last_at = min(self.first_at or at, at), max(self.last_at or at, at)

    def _knows(self, id: str, posting: int) -> bool:
        """Whether a cell can hold what was posted since: one that does not say how far it has come is compared by its ETags."""
        cell = self.stored.get(id)
        return cell is not None and (cell.posting is None or posting <= cell.posting)

    def unjudged(self, changed: Collection[str]) -> set[str]:
        """Return those of the changed cells that nothing can be said of."""
        if self._through is None:
            return set(changed)
        return {id for id in changed if (cell := self.stored.get(id)) is not None and cell.posting is None}

    def is_head_right(self, head: Head | None) -> bool:
        if head is None:
            return not self.entries
        if head.is_full and not self.is_within(head):
            return False
        return head.events == self.usage and add(head.sums) == add(self.sums) and head.sequence >= self.last_posting

    def is_within(self, head: Head) -> bool:
        return all(head.may_hold(at) for at in (self.first_at, self.last_at) if at is not None)

    def wrong_cells(self, unjudged: Collection[str] = ()) -> Iterator[tuple[Problem, str]]:
        """Return what is wrong, in the order of ids, but for cells that nothing can be said of."""
        for id in sorted(self.stored.keys() | self.expected.keys()):
            stored, expected = self.stored.get(id), self.expected.get(id)
            if id in unjudged:
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
