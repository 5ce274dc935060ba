"""An outbox on this machine's disk whose messages stand in the shared store as well, for the day the machine does not come back."""

import asyncio
import base64
import logging
from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol

from shared.adapters.local_queue import LocalQueue
from shared.adapters.spool import Outgoing
from shared.clock import Clock
from shared.documents import Delete, DocumentMissing, DocumentStore, Operation, StoreUnavailable, Upsert
from shared.queues import OUTBOX, Message

LARGEST = 512 * 1024
"""Of a body that is copied; no queue takes a larger one."""

KEPT_S = 30 * 24 * 3600
MOST_PENDING = 20_000
_AT_ONCE, _BATCH_BYTES = 50, 1_000_000
_LOG = logging.getLogger(__name__)


class Outbox(Protocol):
    """Keeps durably what the broker does not take: a LocalQueue, or one with copies elsewhere."""

    def publish(self, queue: str, message_id: str, body: bytes) -> None: ...

    async def flush(self) -> None: ...

    def spill(self) -> None: ...

    async def close(self) -> None: ...

    async def receive(self, queue: str, max_messages: int, lock_s: float) -> Sequence[Message]: ...

    async def complete(self, queue: str, lock_tokens: Sequence[str]) -> None: ...

    async def abandon(self, queue: str, lock_tokens: Sequence[str], delay_s: float = 0.0) -> None: ...

    async def depth(self, queue: str) -> int: ...


class CopiedOutbox:
    """The outbox of a ServiceBusPublisher: what is published here is durable on disk as before, and soon in the store.

    A copy goes when its message has been sent. The disk alone decides what is sent again; the store may be away.
    """

    def __init__(self, local: LocalQueue, documents: DocumentStore, clock: Clock) -> None:
        self._local, self._documents, self._clock = local, documents, clock
        self._pending: dict[tuple[str, str], bytes] = {}
        self._ids: dict[str, str] = {}
        self._turn = asyncio.Lock()

    def publish(self, queue: str, message_id: str, body: bytes) -> None:
        self._local.publish(queue, message_id, body)
        if len(body) <= LARGEST and len(self._pending) < MOST_PENDING:
            self._pending[queue, message_id] = body

    async def flush(self) -> None:
        """Raises StoreUnavailable when neither the disk nor the store has everything."""
        is_copied = await self._copy()
        try:
            await self._local.flush()
        except StoreUnavailable:
            if not is_copied:
                raise

    def spill(self) -> None:
        self._local.spill()

    async def close(self) -> None:
        await self._copy()
        await self._local.close()

    async def receive(self, queue: str, max_messages: int, lock_s: float) -> Sequence[Message]:
        messages = await self._local.receive(queue, max_messages, lock_s)
        self._ids |= {message.lock_token: message.id for message in messages}
        return messages

    async def complete(self, queue: str, lock_tokens: Sequence[str]) -> None:
        await self._local.complete(queue, lock_tokens)
        sent = [id for token in lock_tokens if (id := self._ids.pop(token, None)) is not None]
        for id in sent:
            self._pending.pop((queue, id), None)
        await self._forget(queue, sent)

    async def abandon(self, queue: str, lock_tokens: Sequence[str], delay_s: float = 0.0) -> None:
        for token in lock_tokens:
            self._ids.pop(token, None)
        await self._local.abandon(queue, lock_tokens, delay_s)

    async def depth(self, queue: str) -> int:
        return await self._local.depth(queue)

    async def _copy(self) -> bool:
        """Say whether everything that waits to be copied is now in the store."""
        async with self._turn:
            while self._pending:
                queue = next(iter(self._pending))[0]
                group = _group([(name, id, body) for (name, id), body in self._pending.items() if name == queue])
                try:
                    await self._documents.batch(OUTBOX, queue_partition(queue), [self._upsert(each) for each in group])
                except StoreUnavailable as error:
                    _LOG.warning("%d messages are on this disk only: %s", len(self._pending), error)
                    return False
                for name, id, body in group:
                    if self._pending.get((name, id)) is body:
                        del self._pending[name, id]
            return True

    def _upsert(self, message: Outgoing) -> Operation:
        queue, id, body = message
        document = {
            "id": copy_id(id),
            "schema": 1,
            "queue": queue,
            "message_id": id.encode("utf-8", "backslashreplace").decode(),
            "body": base64.b64encode(body).decode(),
            "at": self._clock.now().isoformat(timespec="seconds"),
        }
        return Upsert(document, KEPT_S)

    async def _forget(self, queue: str, ids: Sequence[str]) -> None:
        """Remove copies. Where one of them was never made they go one by one; what stays is sent twice, which queue and ledger forgive."""
        partition = queue_partition(queue)
        for start in range(0, len(ids), _AT_ONCE):
            some = [copy_id(id) for id in ids[start : start + _AT_ONCE]]
            try:
                try:
                    await self._documents.batch(OUTBOX, partition, [Delete(id) for id in some])
                except DocumentMissing:
                    await asyncio.gather(*(self._documents.delete(OUTBOX, partition, id) for id in some))
            except StoreUnavailable as error:
                _LOG.warning("copies of sent messages stay in the store: %s", error)
                return


def queue_partition(queue: str) -> str:
    """Return the partition of a queue's copies; that of its dead letters holds what can never be sent."""
    return queue.replace("/", "|")


def copy_id(message_id: str) -> str:
    """Ids of messages may hold what no document's id may."""
    return sha256(message_id.encode("utf-8", "backslashreplace")).hexdigest()


def _group(messages: Sequence[Outgoing]) -> Sequence[Outgoing]:
    """Return as many of the first messages as one batch takes."""
    size = 0
    for number, (_, _, body) in enumerate(messages[:_AT_ONCE]):
        size += 2 * len(body)
        if number and size > _BATCH_BYTES:
            return messages[:number]
    return messages[:_AT_ONCE]
