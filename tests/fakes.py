"""Ports kept in memory: a clock that is set by hand, documents that live in a dictionary, events that stay readable."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from shared.clock import Clock
from shared.documents import (
    Condition,
    Create,
    Delete,
    Document,
    DocumentExists,
    DocumentMissing,
    Json,
    Operation,
    Page,
    PreconditionFailed,
    Replace,
    StoreUnavailable,
    Upsert,
)

BATCH_LIMIT = 100
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class FakeClock:
    """Stands still until it is told otherwise; both times move together."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC), monotonic: float = 0.0) -> None:
        self._now = now
        self._monotonic = monotonic

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def set(self, now: datetime) -> None:
        """Set the wall clock alone, forwards or back."""
        self._now = now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


@dataclass(frozen=True, slots=True)
class _Version:
    """One stored version; `change` is its place in the order of all changes, and its ETag."""

    raw: bytes
    change: int
    expires_at: datetime | None

    def document(self) -> Document:
        return Document(orjson.loads(self.raw), str(self.change))


_Key = tuple[str, str, str]


class MemoryDocuments:
    """The DocumentStore port in a dictionary. While `is_down`, every call raises StoreUnavailable."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or FakeClock()
        self._versions: dict[_Key, _Version] = {}
        self._changes = 0
        self.is_down = False

    async def get(self, container: str, partition: str, id: str) -> Document | None:
        self._check_reachable()
        version = self._live((container, partition, id))
        return version.document() if version else None

    async def create(self, container: str, partition: str, document: Json, ttl_s: int | None = None) -> Document:
        self._check_reachable()
        key = (container, partition, _id(document))
        if self._live(key):
            raise DocumentExists(key[2])
        return self._write(key, document, ttl_s)

    async def upsert(self, container: str, partition: str, document: Json, ttl_s: int | None = None) -> Document:
        self._check_reachable()
        return self._write((container, partition, _id(document)), document, ttl_s)

    async def replace(
        self, container: str, partition: str, document: Json, if_match: str, ttl_s: int | None = None
    ) -> Document:
        self._check_reachable()
        key = (container, partition, _id(document))
        _check_match(self._existing(key), if_match)
        return self._write(key, document, ttl_s)

    async def delete(self, container: str, partition: str, id: str, if_match: str | None = None) -> bool:
        self._check_reachable()
        key = (container, partition, id)
        version = self._live(key)
        if version is None:
            return False
        _check_match(version, if_match)
        del self._versions[key]
        return True

    async def increment(
        self, container: str, partition: str, id: str, field: str, by: int, ceiling: int | None = None
    ) -> int:
        self._check_reachable()
        key = (container, partition, id)
        version = self._existing(key)
        body = orjson.loads(version.raw)
        total = int(body.get(field, 0)) + by
        if ceiling is not None and total > ceiling:
            raise PreconditionFailed(f"{field} would pass {ceiling}")
        self._store(key, {**body, field: total}, version.expires_at)
        return total

    async def batch(
        self, container: str, partition: str, operations: Sequence[Operation]
    ) -> tuple[Document | None, ...]:
        self._check_reachable()
        if len(operations) > BATCH_LIMIT:
            raise ValueError(f"a batch takes at most {BATCH_LIMIT} operations")
        before, changes = dict(self._versions), self._changes
        try:
            return tuple([await self._apply(container, partition, operation) for operation in operations])
        except (DocumentExists, DocumentMissing, PreconditionFailed):
            self._versions, self._changes = before, changes
            raise

    async def query(
        self,
        container: str,
        partition: str,
        where: Sequence[Condition] = (),
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        self._check_reachable()
        found = [
            document
            for document in (version.document() for version in self._in(container, partition))
            if all(_meets(document.body, condition) for condition in where)
        ]
        found.sort(key=lambda document: _sort_key(document.body, order_by), reverse=descending)
        start = int(cursor or 0)
        end = start + limit
        return Page(tuple(found[start:end]), str(end) if end < len(found) else None)

    async def changes(self, container: str, cursor: str | None = None, limit: int = 100) -> Page:
        self._check_reachable()
        since = int(cursor or 0)
        newer = [version for version in self._in(container) if version.change > since]
        page = sorted(newer, key=lambda version: version.change)[:limit]
        last = page[-1].change if page else since
        return Page(tuple(version.document() for version in page), str(last))

    async def tip(self, container: str) -> str:
        self._check_reachable()
        return str(self._changes)

    async def close(self) -> None:
        pass

    def _check_reachable(self) -> None:
        if self.is_down:
            raise StoreUnavailable("the store is down")

    def _live(self, key: _Key) -> _Version | None:
        version = self._versions.get(key)
        return version if version and not self._is_over(version) else None

    def _is_over(self, version: _Version) -> bool:
        return version.expires_at is not None and self._clock.now() >= version.expires_at

    def _existing(self, key: _Key) -> _Version:
        version = self._live(key)
        if version is None:
            raise DocumentMissing(key[2])
        return version

    def _in(self, container: str, partition: str | None = None) -> list[_Version]:
        return [
            version
            for (home, part, _), version in self._versions.items()
            if home == container and partition in (None, part) and not self._is_over(version)
        ]

    def _write(self, key: _Key, body: Json, ttl_s: int | None) -> Document:
        expires_at = None if ttl_s is None else self._clock.now() + timedelta(seconds=ttl_s)
        return self._store(key, body, expires_at)

    def _store(self, key: _Key, body: Json, expires_at: datetime | None) -> Document:
        self._changes += 1
        version = self._versions[key] = _Version(orjson.dumps(body), self._changes, expires_at)
        return version.document()

    async def _apply(self, container: str, partition: str, operation: Operation) -> Document | None:
        match operation:
            case Create(document, ttl_s):
                return await self.create(container, partition, document, ttl_s)
            case Upsert(document, ttl_s):
                return await self.upsert(container, partition, document, ttl_s)
            case Replace(document, if_match, ttl_s):
                return await self.replace(container, partition, document, if_match, ttl_s)
            case Delete(id, if_match):
                if not await self.delete(container, partition, id, if_match):
                    raise DocumentMissing(id)
        return None


class MemoryEvents:
    """The EventPublisher port: `events` holds the bodies, decoded, each message id once per queue."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._seen: set[tuple[str, str]] = set()

    def publish(self, queue: str, message_id: str, body: bytes) -> None:
        if (queue, message_id) not in self._seen:
            self._seen.add((queue, message_id))
            self.events.append(orjson.loads(body))

    async def flush(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def spill(self) -> None:
        pass


def _id(document: Json) -> str:
    identity = document["id"]
    if not isinstance(identity, str):
        raise TypeError("a document's id is a string")
    return identity


def _check_match(version: _Version, if_match: str | None) -> None:
    if if_match is not None and str(version.change) != if_match:
        raise PreconditionFailed("the document has changed")


def _meets(body: Json, condition: Condition) -> bool:
    value = body.get(condition.field)
    return type(value) is type(condition.value) and _COMPARE[condition.operator](value, condition.value)


def _sort_key(body: Json, order_by: str | None) -> tuple[Any, ...]:
    """Values of one type together, so that a mixed field does not raise; then the id."""
    value = body.get(order_by) if order_by else None
    ranked = ("",) if value is None else (type(value).__name__, value)
    return ranked, str(body["id"])
