"""Keeps the hierarchy: every change together with its entry in the audit log, one after the other, all of it or nothing."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from shared.audit.model import HEAD, Actor, Alteration, Chain
from shared.clock import Clock
from shared.directory.batch import Step, concerned, operations_for, steps_for, teams_for
from shared.directory.changes import Change
from shared.directory.documents import CONTAINER, PARTITION, Stored, document_id, is_live, json_of, stored_of
from shared.directory.model import TYPES, Kind, address_of
from shared.documents import (
    Condition,
    Document,
    DocumentExists,
    DocumentMissing,
    DocumentStore,
    Operation,
    PreconditionFailed,
    StoreUnavailable,
)

MOST_DOCUMENTS = 90
"""Documents that one commit may write: the resources, the digests that come and go, and an audit entry for each change."""

TURN_S = 10.0
"""Seconds for which a commit waits until the ones before it are done."""

_ATTEMPTS, _WAIT_S, _LONGEST_WAIT_S = 12, 0.01, 0.25


type _Draft = tuple[Sequence[Alteration], Sequence[Operation]]
"""Changes as the audit log tells them, and what writes them: first one operation for each of them."""


class DirectoryStore:
    def __init__(self, documents: DocumentStore, clock: Clock, audit: Chain) -> None:
        self._documents, self._clock, self._audit = documents, clock, audit
        self._turn = asyncio.Lock()

    async def get(self, address: str) -> Stored | None:
        document = await self._documents.get(CONTAINER, PARTITION, document_id(address))
        if document is None or document.body["kind"] not in TYPES:
            return None
        stored = stored_of(document)
        return stored if address_of(stored.resource) == address else None

    async def page(
        self,
        kind: Kind,
        *,
        team: str | None = None,
        scope: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> tuple[tuple[Stored, ...], str | None]:
        """Return resources of a kind by id, and the cursor that continues them. The scope of a key is here its owner."""
        where = [Condition("kind", "=", kind.value)]
        if team is not None:
            where.append(Condition("team", "=", team))
        if scope is not None:
            where.append(Condition("owner" if kind is Kind.KEY else "scope", "=", scope))
        page = await self._documents.query(CONTAINER, PARTITION, where, limit=limit, cursor=cursor)
        return tuple(stored_of(document) for document in page.documents), page.cursor

    async def commit(
        self, actor: Actor, action: str, plan: Callable[[], Awaitable[Sequence[Change]]], request_id: str = ""
    ) -> tuple[Stored | None, ...]:
        """Carry out what `plan` returns, and return what is stored now: None for what was removed.

        The plan may read the store and refuse. It is asked again when anybody has changed anything meanwhile, so what it
        has found still holds when its changes are written. Raises what the plan raises, DocumentExists, DocumentMissing,
        PreconditionFailed, and StoreUnavailable, after which the changes may have been made or not.
        """

        async def draft() -> _Draft:
            steps = await steps_for(self._documents, await plan(), self._clock.now())
            teams = await teams_for(self._documents, steps)
            return _alterations(steps, teams, action), await operations_for(self._documents, steps, teams)

        count, written = await self._append(actor, request_id, draft)
        return tuple(stored_of(item) if is_live(item) else None for item in written[:count])

    async def note(self, actor: Actor, action: str, target: str, request_id: str = "") -> None:
        """Enter into the audit log what is changed outside the directory. Raises StoreUnavailable."""

        async def draft() -> _Draft:
            return [Alteration(target, None, None, action)], []

        await self._append(actor, request_id, draft)

    async def _append(
        self, actor: Actor, request_id: str, draft: Callable[[], Awaitable[_Draft]]
    ) -> tuple[int, tuple[Document | None, ...]]:
        """Write a draft with its entries, and return how many changes it has and what is stored now."""
        async with self._own_turn():
            for attempt in range(_ATTEMPTS):
                head = await self._documents.get(CONTAINER, PARTITION, HEAD)
                alterations, operations = await draft()
                if not alterations:
                    return 0, ()
                entries, new_head = self._audit.entries_for(head, actor, alterations, self._clock.now(), request_id)
                written = await self._write([*operations, *entries, new_head])
                if written is not None:
                    return len(alterations), written
                await asyncio.sleep(random.uniform(0, min(_LONGEST_WAIT_S, _WAIT_S * 2**attempt)))
        raise StoreUnavailable("others keep changing the directory")

    @asynccontextmanager
    async def _own_turn(self) -> AsyncIterator[None]:
        """Raises StoreUnavailable where too many are waiting: each of them would wait longer still."""
        try:
            async with asyncio.timeout(TURN_S):
                await self._turn.acquire()
        except TimeoutError:
            raise StoreUnavailable("others keep changing the directory") from None
        try:
            yield
        finally:
            self._turn.release()

    async def _write(self, operations: Sequence[Operation]) -> tuple[Document | None, ...] | None:
        """Return what is stored now, or None where somebody was faster."""
        if len(operations) > MOST_DOCUMENTS + 1:
            raise ValueError(f"a commit writes at most {MOST_DOCUMENTS} documents")
        try:
            return await self._documents.batch(CONTAINER, PARTITION, operations)
        except (DocumentExists, DocumentMissing, PreconditionFailed):
            return None


def _alterations(steps: Sequence[Step], teams: Sequence[str | None], action: str) -> list[Alteration]:
    return [
        Alteration(
            step.address,
            json_of(step.before.resource) if step.before else None,
            json_of(step.after.resource) if step.after else None,
            step.change.action or action,
            concerned(step, team),
        )
        for step, team in zip(steps, teams, strict=True)
    ]
