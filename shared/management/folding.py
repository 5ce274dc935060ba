"""Sums by group of which the largest stay apart, so that whoever makes up a thousand names makes no answer fail."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from heapq import nlargest

from shared.ledger.model import Sums, accumulate

OTHERS = "(others)"
MOST_ROWS = 2_000
"""The groups that an answer tells apart."""

_ROOM = 3
"""How many times as many groups are kept while more are read: the more, the surer it is that the largest stay."""


@dataclass(slots=True)
class Rest:
    """What so many groups come to together."""

    groups: int
    sums: dict[str, int]


class Folding[Key: Hashable, Place: Hashable]:
    """Every group is either a row, with all that it comes to, or part of a rest: both are exact, and so is their sum.

    `place_of` says which groups are folded into one rest. The largest are those with most of `ranked`, then those with most
    requests; where there are very many, by what was read of them up to then.
    """

    def __init__(self, place_of: Callable[[Key], Place], ranked: str = "cost", most: int = MOST_ROWS) -> None:
        self._place_of, self._ranked, self._most = place_of, ranked, most
        self._kept = max(most, MOST_ROWS)
        self._folded: set[int] = set()
        self.rows: dict[Key, dict[str, int]] = {}
        self.rest: dict[Place, Rest] = {}

    def count(self, key: Key, sums: Sums) -> None:
        own = self.rows.get(key)
        if own is not None:
            accumulate(own, sums)
        elif hash(key) in self._folded:
            accumulate(self.rest[self._place_of(key)].sums, sums)
        else:
            self.rows[key] = dict(sums)
            if len(self.rows) > self._kept * _ROOM:
                self._shrink(self._kept)

    def finish(self) -> None:
        """Fold all but the largest rows, once everything is counted."""
        self._shrink(self._most)

    def _shrink(self, most: int) -> None:
        if len(self.rows) <= most:
            return
        kept = {key for key, _ in nlargest(most, self.rows.items(), key=self._weight)}
        for key in [key for key in self.rows if key not in kept]:
            rest = self.rest.setdefault(self._place_of(key), Rest(0, {}))
            rest.groups += 1
            accumulate(rest.sums, self.rows.pop(key))
            self._folded.add(hash(key))

    def _weight(self, item: tuple[Key, dict[str, int]]) -> tuple[int, int]:
        return item[1].get(self._ranked, 0), item[1].get("requests", 0)
