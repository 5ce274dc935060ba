"""Brings stored documents to the newest schema: each migration once, a page at a time, by one instance at a time."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from shared.clock import Clock
from shared.documents import Document, DocumentMissing, DocumentStore, PreconditionFailed
from shared.migrations.model import Migration, Progress, State
from shared.migrations.steps import MIGRATIONS
from shared.migrations.store import MigrationStore, Overtaken, Saved

PAGE = 100
LEASE_S = 120.0
"""Seconds after which the work of an instance that no longer says anything is taken over."""


class MigrationService:
    """Can be killed at any point. What is repeated then changes nothing: documents at the new schema are left alone."""

    def __init__(self, documents: DocumentStore, clock: Clock, migrations: Sequence[Migration] = MIGRATIONS) -> None:
        self._documents, self._clock, self._migrations = documents, clock, migrations
        self._store = MigrationStore(documents)
        self._holder = secrets.token_hex(8)

    async def pending(self) -> list[Migration]:
        return self._left((await self._store.read()).state)

    async def run(self, budget_s: float) -> Progress:
        """Work until nothing is pending, the time is up, or another instance is at it. Raises StoreUnavailable."""
        deadline = self._clock.monotonic() + budget_s
        saved = await self._store.read()
        progress = self._noted(Progress(), saved)
        if not progress.unfinished or saved.state.is_held_by_another(self._holder, self._clock.now()):
            return progress
        with suppress(Overtaken):
            saved = await self._save(saved.state, saved)
            while left := self._left(saved.state):
                saved, progress = await self._turn_page(left[0], saved, progress)
                if self._clock.monotonic() >= deadline:
                    break
            await self._store.save(saved.state.released(), saved.etag)
        return progress

    async def _turn_page(self, migration: Migration, saved: Saved, progress: Progress) -> tuple[Saved, Progress]:
        """Upgrade one after the other: requests go before, and may use the store in between.

        The feed shows what was upgraded once more. It is read to an empty page: only that says that nothing is left.
        """
        page = await self._documents.changes(migration.container, saved.state.cursor_of(migration), PAGE)
        upgraded = [await self._upgrade(migration, document) for document in page.documents]
        state = saved.state.moved(migration, page.cursor) if upgraded else saved.state.done(migration)
        saved = await self._save(state, saved)
        progress = replace(
            progress, looked_at=progress.looked_at + len(upgraded), upgraded=progress.upgraded + sum(upgraded)
        )
        return saved, self._noted(progress, saved)

    async def _upgrade(self, migration: Migration, found: Document) -> bool:
        document: Document | None = found
        while document is not None and (body := migration.upgrade(document.body)) is not None:
            partition = migration.partition_of(document.body)
            try:
                await self._documents.replace(migration.container, partition, body, document.etag)
            except DocumentMissing:
                return False
            except PreconditionFailed:
                document = await self._documents.get(migration.container, partition, str(body["id"]))
            else:
                return True
        return False

    async def _save(self, state: State, saved: Saved) -> Saved:
        """Keep working rights with every step, so that they last as long as the steps come."""
        until = self._clock.now() + timedelta(seconds=LEASE_S)
        return await self._store.save(state.held(self._holder, until), saved.etag)

    def _left(self, state: State) -> list[Migration]:
        return [migration for migration in self._migrations if migration.number not in state.finished]

    def _noted(self, progress: Progress, saved: Saved) -> Progress:
        return replace(progress, unfinished=tuple(migration.name for migration in self._left(saved.state)))
