"""Entries of the ledger page by page, the newest month first: what stands behind a figure."""

from collections.abc import Collection, Sequence
from typing import Protocol

from shared.documents import Condition, DocumentStore
from shared.ledger.documents import ENTRY_PREFIXES, entry_of, moment
from shared.ledger.model import CONTAINER, Entry, months_of
from shared.windows import Window

_QUERIES = 30
"""How often the store is asked for one page: of most teams there is nothing to be found in most months."""

type _Stretch = tuple[str, str, str]
"""Month, team, and what ids begin with."""


class Partitions(Protocol):
    async def partitions(self, month: str) -> list[str]:
        """Return the teams that have something in a UTC month."""


class EntryPages:
    """Within a team and month usage comes newest first, by the id that it got when it arrived."""

    def __init__(self, documents: DocumentStore, ledger: Partitions) -> None:
        self._documents, self._ledger = documents, ledger

    async def page(
        self, window: Window, teams: Collection[str] | None, limit: int, cursor: str | None
    ) -> tuple[Sequence[Entry], str | None]:
        """Return some entries of a window and the cursor that continues them. Raises StoreUnavailable."""
        left, inner = await self._left(window, teams, cursor)
        for _ in range(_QUERIES):
            if not left:
                return (), None
            found, inner = await self._query(window, left[0], limit, inner)
            if inner is None:
                left = left[1:]
            if found:
                break
        return found, _place(left[0], inner) if left else None

    async def _query(
        self, window: Window, stretch: _Stretch, limit: int, inner: str | None
    ) -> tuple[Sequence[Entry], str | None]:
        month, team, prefix = stretch
        where = [
            Condition("id", ">=", prefix),
            Condition("id", "<", prefix + "~"),
            Condition("at", ">=", moment(window.start)),
            Condition("at", "<", moment(window.end)),
        ]
        page = await self._documents.query(
            CONTAINER, f"{team}|{month}", where, descending=True, limit=limit, cursor=inner
        )
        return [entry_of(document.body) for document in page.documents], page.cursor

    async def _left(
        self, window: Window, teams: Collection[str] | None, cursor: str | None
    ) -> tuple[list[_Stretch], str | None]:
        """Return what is still to be read, and where in its first stretch."""
        month, team, prefix, inner = cursor.split("\n", 3) if cursor else ("~", "", "", "")
        stretches: list[_Stretch] = []
        for each in sorted((name for name in months_of(window) if name <= month), reverse=True):
            named = sorted(teams) if teams is not None else sorted(await self._ledger.partitions(each))
            stretches += [(each, one, start) for one in named for start in ENTRY_PREFIXES]
        place = (month, team, prefix)
        while stretches and stretches[0] != place and _is_before(stretches[0], place):
            stretches.pop(0)
        return stretches, (inner or None) if stretches and stretches[0] == place else None


def _is_before(one: _Stretch, other: _Stretch) -> bool:
    """Whether a stretch comes before another: months go back, teams and prefixes forward."""
    if one[0] != other[0]:
        return one[0] > other[0] and other[0] != "~"
    order = ENTRY_PREFIXES.index
    return (one[1], order(one[2])) < (other[1], order(other[2]))


def _place(stretch: _Stretch, inner: str | None) -> str:
    return "\n".join([*stretch, inner or ""])
