"""The dead letters of Azure Service Bus queues: looked at without a lock, and taken under one."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.adapters.entra import Credential, credentials
from shared.adapters.service_bus import ClientFactory, message_of, service_bus_client
from shared.documents import StoreUnavailable
from shared.queues import DeadLetter, DeadLetterMissing, replayed_id
from shared.redaction import redact

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusReceivedMessage
    from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

LOOKED_THROUGH = 2000
"""Letters that are locked, to find one: the broker hands them out in their order only."""

_AT_ONCE = 200
_DEAD_LETTER = "deadletter"
_WAIT_S = 2.0


class ServiceBusDeadLetters:
    """A DeadLetters. Operators need it now and then: each operation has a connection of its own."""

    def __init__(
        self,
        namespace: str,
        *,
        credential_factory: Callable[[], Credential] | None = None,
        client_factory: ClientFactory | None = None,
        patience_s: float = 20.0,
        wait_s: float = _WAIT_S,
    ) -> None:
        self._namespace, self._patience_s, self._wait_s = namespace, patience_s, wait_s
        self._make_credential = credential_factory or (lambda: credentials(managed_identity=False)(None))
        self._make_client = client_factory or service_bus_client

    async def page(self, queue: str, limit: int, cursor: str | None = None) -> tuple[Sequence[DeadLetter], str | None]:
        after = _number(cursor or "0")

        async def look(client: "ServiceBusClient") -> list[DeadLetter]:
            async with _receiver(client, queue) as receiver:
                return [_letter(item) for item in await _peeked(receiver, after + 1, limit)]

        letters = await self._do(look)
        return letters, letters[-1].id if len(letters) == limit else None

    async def get(self, queue: str, id: str) -> DeadLetter | None:
        number = _number(id)

        async def look(client: "ServiceBusClient") -> DeadLetter | None:
            async with _receiver(client, queue) as receiver:
                return await _one(receiver, number)

        return await self._do(look) if number > 0 else None

    async def replay(self, queue: str, id: str, body: bytes | None = None) -> None:
        await self._take(queue, id, lambda client, letter: _send(client, queue, letter, body))

    async def discard(self, queue: str, id: str) -> None:
        await self._take(queue, id, _nothing)

    async def close(self) -> None:
        """Nothing is kept open between operations."""

    async def _take(
        self, queue: str, id: str, act: Callable[["ServiceBusClient", DeadLetter], Awaitable[None]]
    ) -> None:
        async def take(client: "ServiceBusClient") -> bool:
            async with _receiver(client, queue) as receiver:
                if await _one(receiver, _number(id)) is None:
                    return False
                message = await self._locked(receiver, _number(id))
                await act(client, _letter(message))
                await receiver.complete_message(message)
                return True

        if not await self._do(take):
            raise DeadLetterMissing(id)

    async def _locked(self, receiver: "ServiceBusReceiver", number: int) -> "ServiceBusReceivedMessage":
        """Return the letter under a lock; those that came before it are free again at once."""
        others: list[ServiceBusReceivedMessage] = []
        try:
            while len(others) < LOOKED_THROUGH:
                messages = await receiver.receive_messages(_AT_ONCE, max_wait_time=self._wait_s)
                found = next((item for item in messages if item.sequence_number == number), None)
                others += [item for item in messages if item is not found]
                if found is not None:
                    return found
                if not messages:
                    break
        finally:
            for message in others:
                await receiver.abandon_message(message)
        raise StoreUnavailable("the dead letter is locked by somebody else, or too many stand before it")

    async def _do[T](self, work: Callable[["ServiceBusClient"], Awaitable[T]]) -> T:
        """Run a work on a fresh client. On a broken connection the SDK lets errors of any kind through."""
        (outcome,) = await asyncio.gather(
            asyncio.wait_for(self._with_client(work), self._patience_s), return_exceptions=True
        )
        if not isinstance(outcome, BaseException):
            return outcome
        if isinstance(outcome, StoreUnavailable | asyncio.CancelledError):
            raise outcome
        raise StoreUnavailable(redact(f"{type(outcome).__name__}: {outcome}")) from outcome

    async def _with_client[T](self, work: Callable[["ServiceBusClient"], Awaitable[T]]) -> T:
        credential = self._make_credential()
        try:
            async with self._make_client(self._namespace, credential) as client:
                return await work(client)
        finally:
            await credential.close()


@asynccontextmanager
async def _receiver(client: "ServiceBusClient", queue: str) -> "AsyncGenerator[ServiceBusReceiver]":
    async with client.get_queue_receiver(queue, sub_queue=_DEAD_LETTER) as receiver:
        yield receiver


async def _peeked(receiver: "ServiceBusReceiver", start: int, limit: int) -> "list[ServiceBusReceivedMessage]":
    """Return up to `limit` messages from a sequence number on: the broker may give fewer at once than there are."""
    found: list[ServiceBusReceivedMessage] = []
    while len(found) < limit:
        more = await receiver.peek_messages(limit - len(found), sequence_number=start)
        if not more:
            break
        found += more
        start = (more[-1].sequence_number or start) + 1
    return found


async def _one(receiver: "ServiceBusReceiver", number: int) -> DeadLetter | None:
    found = await receiver.peek_messages(1, sequence_number=number) if number > 0 else []
    return _letter(found[0]) if found and found[0].sequence_number == number else None


async def _send(client: "ServiceBusClient", queue: str, letter: DeadLetter, body: bytes | None) -> None:
    content = letter.body if body is None else body
    async with client.get_queue_sender(queue) as sender:
        await sender.send_messages(message_of(replayed_id(letter.id, content), content))


async def _nothing(client: "ServiceBusClient", letter: DeadLetter) -> None:
    pass


def _number(id: str) -> int:
    """Return the sequence number behind an id; of what is none, one that no message has."""
    return int(id) if id.isascii() and id.isdecimal() and len(id) < 19 else -1


def _letter(message: Any) -> DeadLetter:
    content = message.body
    return DeadLetter(
        id=str(message.sequence_number),
        message_id=str(message.message_id or ""),
        body=content if isinstance(content, bytes) else b"".join(content),
        reason=_reason(message.dead_letter_reason, message.dead_letter_error_description),
        at=(message.enqueued_time_utc or datetime.fromtimestamp(0, UTC)).astimezone(UTC),
    )


def _reason(reason: str | None, description: str | None) -> str | None:
    return ": ".join(part for part in (reason, description) if part) or None
