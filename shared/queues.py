"""The ports for messages between the gateway and its jobs: named queues, at-least-once delivery, a dead-letter queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Protocol

USAGE_EVENTS, ALERTS, REPORTS = "usage-events", "alerts", "reports"

OUTBOX = "outbox"
"""The container of copies of messages that wait on some machine's disk for their broker."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as its receiver sees it. `lock_token` settles it; `delivery_count` starts at 1."""

    id: str
    body: bytes
    delivery_count: int
    sequence_number: int
    enqueued_at: datetime
    lock_token: str
    dead_letter_reason: str | None = None


class EventPublisher(Protocol):
    """The sending side, called on the request path."""

    def publish(self, queue: str, message_id: str, body: bytes) -> None:
        """Hand over one message without waiting. It is durable shortly after, whatever the broker does.

        A message id that the queue has already seen is dropped.
        """

    async def flush(self) -> None:
        """Return once everything published so far is durable."""

    async def close(self) -> None:
        """Flush, then let go of files and sockets."""

    def spill(self) -> None:
        """The process ends and no event loop is left: make durable on this machine what is not durable yet, within seconds."""


class QueueReceiver(Protocol):
    """The receiving side, for hosts that drain a queue themselves."""

    async def receive(self, queue: str, max_messages: int, lock_s: float) -> Sequence[Message]:
        """Lock and return up to `max_messages`; an expired lock makes a message visible again."""

    async def complete(self, queue: str, lock_tokens: Sequence[str]) -> None:
        """Remove messages whose work is done."""

    async def abandon(self, queue: str, lock_tokens: Sequence[str], delay_s: float = 0.0) -> None:
        """Make messages visible again after a delay."""

    async def dead_letter(self, queue: str, lock_tokens: Sequence[str], reason: str) -> None:
        """Set messages aside under `<queue>/dead-letter`, with the reason."""

    async def depth(self, queue: str) -> int:
        """How many messages wait or are locked."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was set aside. `id` names it among the dead letters of its queue, `message_id` is what its sender called it."""

    id: str
    message_id: str
    body: bytes
    reason: str | None
    at: datetime


class DeadLetterMissing(Exception):
    """There is no such dead letter, or no more."""


class DeadLetters(Protocol):
    """What receivers have set aside. Every method raises StoreUnavailable where the queue cannot be reached, or the letter is locked."""

    async def page(self, queue: str, limit: int, cursor: str | None = None) -> tuple[Sequence[DeadLetter], str | None]:
        """Return dead letters, the oldest first, and the cursor of the next page, if there may be one."""

    async def get(self, queue: str, id: str) -> DeadLetter | None: ...

    async def replay(self, queue: str, id: str, body: bytes | None = None) -> None:
        """Put the letter back into its queue, with another body if need be, and remove it. Raises DeadLetterMissing.

        It goes under a new message id, as the queue would drop the old one. Who dies in between has replayed it, and may do so again.
        """

    async def discard(self, queue: str, id: str) -> None:
        """Remove the letter. Raises DeadLetterMissing."""

    async def close(self) -> None: ...


def replayed_id(id: str, body: bytes) -> str:
    """Return the message id of a dead letter that goes back: the same for the same body, so that twice in a row is once."""
    return f"replay_{id}_{sha256(body).hexdigest()[:16]}"
