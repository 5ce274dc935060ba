"""Reads the audit log, and tells whether anybody has tampered with it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.audit.comparison import Comparison
from shared.audit.model import ENTRY, HEAD, Actor, Chain, Head, head_in
from shared.directory.documents import CONTAINER, PARTITION
from shared.documents import Condition, Document, DocumentStore, Json

_IS_ENTRY = Condition("kind", "=", ENTRY)
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: who did what to which resource, and what it was before and after."""

    seq: int
    at: datetime
    actor: Actor
    action: str
    target: str
    team: str | None
    before: Json | None
    after: Json | None
    request_id: str
    previous: str
    seal: str


@dataclass(frozen=True, slots=True)
class Verification:
    """`entries` are sound, from the first on; `first_broken` is the number of the one that is altered, missing or not ours.

    `first_difference` is the address of a resource that is not as the sound entries say.
    """

    ok: bool
    entries: int
    first_broken: int | None = None
    first_difference: str | None = None


class AuditLog(Chain):
    """The log of every change to the directory; the entries are written together with what they tell of."""

    def __init__(self, documents: DocumentStore, pepper: bytes) -> None:
        super().__init__(pepper)
        self._documents = documents

    async def page(
        self, limit: int = 100, cursor: str | None = None, target: str | None = None, team: str | None = None
    ) -> tuple[tuple[Entry, ...], str | None]:
        """Return entries, newest first, and the cursor that continues them: all, or those of a target or a team."""
        filters = {"target": target, "team": team}
        where = [_IS_ENTRY, *(Condition(name, "=", value) for name, value in filters.items() if value is not None)]
        page = await self._documents.query(CONTAINER, PARTITION, where, descending=True, limit=limit, cursor=cursor)
        return tuple(_entry_of(document) for document in page.documents), page.cursor

    async def verify(self) -> Verification:
        """Walk the whole chain, and hold every stored resource against what the log says of it last.

        This shows entries that were altered, removed, inserted, reordered or cut off, and resources that were changed, added or
        removed without an entry. It cannot show a store put back as a whole to an earlier state, nor what the log does not
        tell of: the digests of keys' secrets, the values of stored secrets, and everything outside the directory.
        """
        before = await self._head()
        end, comparison = Head(), Comparison(self._documents, self)
        async for body in self._oldest_first():
            if not self.follows(body, end):
                return Verification(False, end.seq, end.seq + 1)
            end = Head(end.seq + 1, str(body["seal"]))
            comparison.learn(body)
        broken = _break(end, before, await self._head())
        if broken is not None:
            return Verification(False, broken - 1, broken)
        difference = await comparison.first_difference()
        return Verification(difference is None, end.seq, first_difference=difference)

    async def length(self) -> int:
        """Return how many changes there have been, by the head alone. Raises StoreUnavailable."""
        head = await self._documents.get(CONTAINER, PARTITION, HEAD)
        return head_in(head.body).seq if head else 0

    async def _head(self) -> Head | None:
        return self.head_of(await self._documents.get(CONTAINER, PARTITION, HEAD))

    async def _oldest_first(self) -> AsyncIterator[Json]:
        cursor: str | None = None
        while True:
            page = await self._documents.query(CONTAINER, PARTITION, [_IS_ENTRY], limit=_PAGE, cursor=cursor)
            for document in page.documents:
                yield document.body
            cursor = page.cursor
            if cursor is None:
                return


def _break(end: Head, before: Head | None, after: Head | None) -> int | None:
    """Hold the chain's end against the head as it was before and after the walk, while entries may have been written."""
    if before is None or after is None or before.seq > end.seq:
        return end.seq + 1
    if after.seq < end.seq:
        return after.seq + 1
    return end.seq if any(head.seq == end.seq and head != end for head in (before, after)) else None


def _entry_of(document: Document) -> Entry:
    body: Mapping[str, Any] = document.body
    return Entry(
        seq=body["seq"],
        at=datetime.fromisoformat(body["at"]),
        actor=Actor(body["actor"]["id"], body["actor"]["kind"]),
        action=body["action"],
        target=body["target"],
        team=body.get("team") or None,
        before=body["before"],
        after=body["after"],
        request_id=body["request_id"],
        previous=body["previous"],
        seal=body["seal"],
    )
