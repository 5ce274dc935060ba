"""Reads the hierarchy: kept in memory, told of changes by the store's change feed, and good for minutes when the store is away."""

import asyncio
import hmac

from shared.clock import Clock
from shared.directory.declared import UNNAMED, FileDirectory
from shared.directory.documents import CONTAINER, PARTITION, TOMBSTONE_S, digest_id, document_id, is_live, stored_of
from shared.directory.model import (
    ORGANIZATION,
    Application,
    Budget,
    FoundKey,
    Key,
    Kind,
    Level,
    Node,
    Organization,
    Policy,
    Resource,
    Team,
    User,
    address_of,
)
from shared.documents import Condition, Document, DocumentStore, Json, StoreUnavailable
from shared.errors import Unavailable
from shared.recent import Recent
from shared.single_flight import SingleFlight

FRESH_S = 5.0
"""Seconds after a look at the change feed for which nothing is looked up again."""

GRACE_S = 300.0
"""Seconds for which what is known is good enough while the store does not answer."""

CACHED_KEYS, CACHED_LEVELS, UNKNOWN = 50_000, 20_000, 10_000
KEY_LOOKUPS = 32
"""Unknown secrets that are looked up at once: a flood of forged ones must not reach the store as a flood."""

RETRY_S = 1.0
"""Seconds for which a store that did not answer is not waited for again."""

WAITING = 1_000
"""Callers who wait for such a lookup at most; the next are told to come again."""

_PAGE = 500
_READ = frozenset({*Kind, "digest"})


class DirectoryUnavailable(Unavailable):
    """Whether a key is known cannot be told; that is our trouble and never a 401."""

    code = "directory_unavailable"

    def __init__(self) -> None:
        super().__init__("Keys and policies cannot be read right now. Try again.", headers={"retry-after": "2"})


class Directory:
    """`version` grows whenever something that was read may have changed, so that what is made of it can be made anew."""

    def __init__(self, documents: DocumentStore, declared: FileDirectory, clock: Clock) -> None:
        self._documents, self._declared, self._clock = documents, declared, clock
        self._keys: Recent[str, FoundKey] = Recent(CACHED_KEYS)
        self._unknown: Recent[str, None] = Recent(UNKNOWN)
        self._levels: Recent[str, Level | None] = Recent(CACHED_LEVELS)
        self._cursor: str | None = None
        self._looked_at: float | None = None
        self._is_failing, self._failed_at = False, 0.0
        self._looks: SingleFlight[str, None] = SingleFlight()
        self._key_lookups: SingleFlight[str, FoundKey | None] = SingleFlight()
        self._level_lookups: SingleFlight[str, Level | None] = SingleFlight()
        self._room = asyncio.Semaphore(KEY_LOOKUPS)
        self._waiting = 0
        self.version = 0

    @property
    def is_fresh(self) -> bool:
        """Whether nothing need be waited for: it was just looked at, or that fails and what is known still serves."""
        if self._looked_at is None:
            return False
        age = self._clock.monotonic() - self._looked_at
        return age < FRESH_S or (self._is_failing and age <= GRACE_S)

    async def key(self, digest: str, *, may_be_stored: bool = True) -> FoundKey | None:
        """Return the key that a secret's digest belongs to. Raises DirectoryUnavailable."""
        if declared := self._declared.key(digest):
            return FoundKey(declared)
        if not may_be_stored:
            return None
        await self._keep_up()
        if (found := self._keys.get(digest)) is not None:
            self._keys.move_to_end(digest)
            return found
        if digest in self._unknown:
            return None
        if self._waiting >= WAITING or self._is_failing:
            raise DirectoryUnavailable
        self._waiting += 1
        try:
            return await self._look_up(digest)
        finally:
            self._waiting -= 1

    async def _look_up(self, digest: str) -> FoundKey | None:
        async with self._room:
            return await self._key_lookups.run(digest, lambda: self._find_key(digest))

    async def chain(self, scope: str) -> tuple[Level, ...]:
        """Return the levels from a node up to the organization; nothing where one of them is missing.

        Raises DirectoryUnavailable.
        """
        await self._keep_up()
        levels: list[Level] = []
        at: str | None = scope
        while at is not None:
            level = await self._level(at)
            if level is None:
                return ()
            levels.append(level)
            at = _above(level.node)
        return tuple(levels)

    async def key_by_id(self, key_id: str) -> Key | None:
        """Return a key by its id. Raises DirectoryUnavailable."""
        await self._keep_up()
        level = await self._level(f"keys/{key_id}")
        return level.node if level and isinstance(level.node, Key) else None

    async def look(self) -> None:
        """Learn what has changed since the last look. Raises StoreUnavailable."""
        try:
            await self._looks.run("look", self._look)
        except StoreUnavailable:
            self._is_failing, self._failed_at = True, self._clock.monotonic()
            raise

    async def _look(self) -> None:
        now = self._clock.monotonic()
        if self._looked_at is not None and now - self._looked_at > TOMBSTONE_S / 2:
            # What was deleted since then may have left no trace any more.
            self._cursor = None
        if self._cursor is None:
            self._cursor = await self._documents.tip(CONTAINER)
            self._forget_everything()
        while True:
            page = await self._documents.changes(CONTAINER, self._cursor, _PAGE)
            self._cursor = page.cursor
            for document in page.documents:
                self._forget(document.body)
            if not page.documents:
                break
        self._looked_at = self._clock.monotonic()
        self._is_failing = False

    async def close(self) -> None:
        for flights in (self._looks, self._key_lookups, self._level_lookups):
            await flights.close()

    async def _keep_up(self) -> None:
        if self.is_fresh:
            if self._is_failing:
                # Nobody waits for a store that does not answer; one look at a time tells when it does again.
                self._looks.start("look", self._look)
            return
        if self._is_failing and self._clock.monotonic() - self._failed_at < RETRY_S:
            raise DirectoryUnavailable
        try:
            await self.look()
        except StoreUnavailable as error:
            if self._looked_at is None or self._clock.monotonic() - self._looked_at > GRACE_S:
                raise DirectoryUnavailable from error

    async def _find_key(self, digest: str) -> FoundKey | None:
        version = self.version
        pointer = await self._get(digest_id(digest))
        document = await self._get(document_id(f"keys/{pointer.body['key']}")) if pointer else None
        found = _with_digest(document, digest) if document else None
        if found is not None and self._declared.get(found.key.scope) is not None:
            # The file's key of this id is another one, with a secret of its own.
            found = None
        if version != self.version:
            return found
        if found is None:
            self._unknown.remember(digest, None)
        else:
            self._keys.remember(digest, found)
        return found

    async def _level(self, scope: str) -> Level | None:
        if scope in self._levels:
            self._levels.move_to_end(scope)
            return self._levels[scope]
        if self._is_failing:
            raise DirectoryUnavailable
        return await self._level_lookups.run(scope, lambda: self._read_level(scope))

    async def _read_level(self, scope: str) -> Level | None:
        # What changes while it is read must be read again.
        version = self.version
        resources = [item for item in await self._belonging_to(scope) if self._declared.get(address_of(item)) is None]
        node = self._declared.node(scope) or next(
            (item for item in resources if not isinstance(item, Policy | Budget)), None
        )
        if node is None and scope == ORGANIZATION:
            node = UNNAMED
        policies, budgets = self._declared.hanging_on(scope)
        level = None
        if node is not None:
            level = Level(
                scope,
                node,
                (*policies, *(item for item in resources if isinstance(item, Policy))),
                (*budgets, *(item for item in resources if isinstance(item, Budget))),
            )
        if version == self.version:
            self._levels.remember(scope, level)
        return level

    async def _belonging_to(self, scope: str) -> list[Resource]:
        resources: list[Resource] = []
        cursor: str | None = None
        while True:
            try:
                page = await self._documents.query(
                    CONTAINER, PARTITION, [Condition("scope", "=", scope)], cursor=cursor
                )
            except StoreUnavailable as error:
                raise DirectoryUnavailable from error
            resources.extend(stored_of(document).resource for document in page.documents if is_live(document))
            cursor = page.cursor
            if cursor is None:
                return resources

    async def _get(self, identity: str) -> Document | None:
        try:
            document = await self._documents.get(CONTAINER, PARTITION, identity)
        except StoreUnavailable as error:
            raise DirectoryUnavailable from error
        return document if is_live(document) else None

    def _forget(self, changed: Json) -> None:
        kind, scope = str(changed.get("kind", "")).removeprefix("deleted-"), str(changed.get("scope", ""))
        if kind not in _READ:
            return
        if kind == "digest":
            digest = scope.removeprefix("digest|")
            self._keys.pop(digest, None)
            self._unknown.pop(digest, None)
        else:
            self._levels.pop(scope, None)
        if kind == "key":
            for digest in [digest for digest, found in self._keys.items() if found.key.scope == scope]:
                del self._keys[digest]
        self.version += 1

    def _forget_everything(self) -> None:
        self._keys.clear()
        self._unknown.clear()
        self._levels.clear()
        self.version += 1


def _with_digest(document: Document, digest: str) -> FoundKey | None:
    stored = stored_of(document)
    fitting = [item for item in stored.digests if hmac.compare_digest(item.digest, digest)]
    return FoundKey(stored.resource, fitting[0].until) if fitting and isinstance(stored.resource, Key) else None


def _above(node: Node) -> str | None:
    """Return the scope of the node above."""
    match node:
        case Key():
            return node.owner
        case Application() | User():
            return f"teams/{node.team}"
        case Team():
            return f"areas/{node.area}" if node.area else ORGANIZATION
        case Organization():
            return None
    return ORGANIZATION
