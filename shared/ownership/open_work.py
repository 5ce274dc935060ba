"""Work that goes on upstream after its call, batches and background responses, until somebody has seen what it used."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.documents import Condition, Document, DocumentStore
from shared.wire.openai.endpoints import Kind

CONTAINER, PARTITION = "provisions", "open"
KEPT_S = 40 * 24 * 3600
FIRST_LOOK = timedelta(minutes=5)
_LONGEST_WAIT = {Kind.RESPONSE: timedelta(hours=1), Kind.BATCH: timedelta(hours=2)}
_MOST_DOUBLINGS = 10


@dataclass(frozen=True, slots=True)
class OpenWork:
    """An object whose use is not known yet. `looks` counts how often it was looked at, `next_at` says when it will be again.

    `ended_at` is when it was first seen at an end, or gone, that told no usage.
    """

    id: str
    kind: Kind
    team: str
    since: datetime
    next_at: datetime
    looks: int = 0
    ended_at: datetime | None = None
    is_told: bool = False

    def looked_at(self, now: datetime) -> "OpenWork":
        """Return the same work with a next look that is twice as far away, up to an hour or two."""
        wait = min(FIRST_LOOK * 2 ** min(self.looks, _MOST_DOUBLINGS), _LONGEST_WAIT.get(self.kind, FIRST_LOOK))
        return replace(self, looks=self.looks + 1, next_at=now + wait)


class OpenWorkStore:
    """One partition lists it all: what is in a partition of its own by its id could not be found without one."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def put(self, work: OpenWork) -> None:
        body = {
            "schema": 1,
            "id": work.id,
            "kind": work.kind.value,
            "team": work.team,
            "since": work.since.isoformat(),
            "next_at": work.next_at.isoformat(timespec="seconds"),
            "looks": work.looks,
            "ended_at": work.ended_at.isoformat() if work.ended_at else None,
            "is_told": work.is_told,
        }
        await self._documents.upsert(CONTAINER, PARTITION, body, KEPT_S)

    async def due(self, now: datetime, limit: int) -> Sequence[OpenWork]:
        """Return what is to be looked at by now, the longest due first."""
        until = [Condition("next_at", "<=", now.isoformat(timespec="seconds"))]
        page = await self._documents.query(CONTAINER, PARTITION, until, order_by="next_at", limit=limit)
        return [_work(document) for document in page.documents]

    async def remove(self, id: str) -> None:
        await self._documents.delete(CONTAINER, PARTITION, id)


def _work(document: Document) -> OpenWork:
    body = document.body
    return OpenWork(
        id=str(body["id"]),
        kind=Kind(str(body["kind"])),
        team=str(body["team"]),
        since=datetime.fromisoformat(str(body["since"])),
        next_at=datetime.fromisoformat(str(body["next_at"])),
        looks=int(str(body["looks"])),
        ended_at=datetime.fromisoformat(str(ended)) if (ended := body["ended_at"]) else None,
        is_told=body["is_told"] is True,
    )
