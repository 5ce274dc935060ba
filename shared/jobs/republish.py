"""Sends what a machine kept for its broker and took to its grave: the copies in the store that nobody has removed."""

import base64
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

from shared.clock import Clock
from shared.documents import Condition, Document, DocumentStore, PreconditionFailed
from shared.queues import OUTBOX, USAGE_EVENTS, EventPublisher

STALE = timedelta(minutes=15)
"""So long a machine tries itself; then it is gone, or its broker is."""

MOST = 5000
_PAGE = 200
_log = logging.getLogger("tollgate.outbox")


class Rejected(Protocol):
    async def keep(self, body: bytes, reason: str) -> None: ...


async def republish(documents: DocumentStore, events: EventPublisher, clock: Clock, queue: str) -> int:
    """Publish the stale copies of a queue again and return how many. Raises StoreUnavailable.

    A copy is removed once its message is durable elsewhere. Where that is an outbox again, there is a new copy with another ETag, which
    stays. A message whose machine comes back after all is sent twice: the queue knows its id, and so does the ledger.
    """
    sent = 0
    while sent < MOST and (stale := await _stale(documents, queue, clock)):
        for document in stale:
            events.publish(queue, str(document.body["message_id"]), _body(document))
        await events.flush()
        await _remove(documents, queue, stale)
        sent += len(stale)
    if sent:
        _log.warning("%d messages of %s were sent for machines that did not", sent, queue)
    return sent


async def set_aside(documents: DocumentStore, rejected: Rejected, clock: Clock) -> int:
    """Put usage events that no queue can take where people find them, and return how many. Raises StoreUnavailable."""
    found, partition = 0, f"{USAGE_EVENTS}|dead-letter"
    while found < MOST and (stale := await _stale(documents, partition, clock)):
        for document in stale:
            await rejected.keep(_body(document), "the queue cannot take it: it is too large, or its id is impossible")
        await _remove(documents, partition, stale)
        found += len(stale)
    return found


async def _stale(documents: DocumentStore, partition: str, clock: Clock) -> Sequence[Document]:
    until = [Condition("at", "<", (clock.now() - STALE).isoformat(timespec="seconds"))]
    return (await documents.query(OUTBOX, partition, until, order_by="at", limit=_PAGE)).documents


def _body(document: Document) -> bytes:
    return base64.b64decode(str(document.body["body"]))


async def _remove(documents: DocumentStore, partition: str, stale: Sequence[Document]) -> None:
    for document in stale:
        with suppress(PreconditionFailed):
            await documents.delete(OUTBOX, partition, str(document.body["id"]), document.etag)
