"""When each virtual key was last used, to within a minute or so: what nobody uses can be revoked."""

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime

from shared.clock import Clock
from shared.documents import DocumentExists, DocumentMissing, DocumentStore, PreconditionFailed, StoreUnavailable

CONTAINER = "key-use"
EVERY_S = 60.0

_log = logging.getLogger("tollgate.keys")


class KeyUseStore:
    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def last_used(self, key: str) -> datetime | None:
        """Return None for a key that was never used. Raises StoreUnavailable."""
        document = await self._documents.get(CONTAINER, key, key)
        return datetime.fromisoformat(str(document.body["last_used_at"])) if document else None

    async def note(self, key: str, at: datetime) -> None:
        """Note a use, unless a later one is noted already. Raises StoreUnavailable."""
        while not await self._try_to_note(key, at):
            pass

    async def _try_to_note(self, key: str, at: datetime) -> bool:
        """Say whether it is done; False where another instance has noted something in between."""
        body = {"schema": 1, "id": key, "last_used_at": at.isoformat()}
        document = await self._documents.get(CONTAINER, key, key)
        try:
            if document is None:
                await self._documents.create(CONTAINER, key, body)
            elif datetime.fromisoformat(str(document.body["last_used_at"])) < at:
                await self._documents.replace(CONTAINER, key, body, document.etag)
        except (DocumentExists, DocumentMissing, PreconditionFailed):
            return False
        return True


class LastUse:
    """Notes uses at most once a minute for each key; what comes in between is noted with a later call of `note`."""

    def __init__(self, store: KeyUseStore, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._latest: dict[str, datetime] = {}
        self._written: dict[str, float] = {}

    async def note(self, uses: Iterable[tuple[str, datetime]]) -> None:
        """Never fails: what the store does not take now is tried again a minute later."""
        for key, at in uses:
            self._remember(key, at)
        now = self._clock.monotonic()
        self._written = {key: written for key, written in self._written.items() if now - written < EVERY_S}
        due = {key: self._latest.pop(key) for key in list(self._latest) if key not in self._written}
        self._written |= dict.fromkeys(due, now)
        noted = await asyncio.gather(*(self._write(key, at) for key, at in due.items()))
        if not all(noted):
            _log.warning("The last use of %d keys could not be noted yet", noted.count(False))

    def _remember(self, key: str, at: datetime) -> None:
        self._latest[key] = max(at, self._latest.get(key, at))

    async def _write(self, key: str, at: datetime) -> bool:
        try:
            await self._store.note(key, at)
        except StoreUnavailable:
            self._remember(key, at)
            return False
        return True
