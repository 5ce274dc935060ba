"""Sends messages to Azure Service Bus in batches; what the broker does not take waits in a durable outbox."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from shared.adapters.copied_outbox import Outbox
from shared.adapters.entra import Credential, credentials
from shared.adapters.local_queue import DEAD_LETTER
from shared.adapters.spool import Outgoing
from shared.documents import StoreUnavailable
from shared.redaction import redact

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch
    from azure.servicebus.aio import ServiceBusClient, ServiceBusSender

_LOG = logging.getLogger(__name__)
_GROUP = 500
_LOCK_S = 60.0
_LONGEST_DELAY_S = 30.0

type ClientFactory = Callable[[str, Any], ServiceBusClient]
"""From a namespace and a credential."""


class BrokerAway(Exception):
    """The broker did not take the messages, or did not say so in time."""


class Broker:
    """One client and a sender per queue, opened when first needed and again after a failure."""

    def __init__(
        self, namespace: str, make_credential: Callable[[], Credential], make_client: ClientFactory, patience_s: float
    ) -> None:
        self._namespace, self._make_credential, self._make_client = namespace, make_credential, make_client
        self._patience_s = patience_s
        self._turn = asyncio.Lock()
        self._credential: Credential | None = None
        self._client: ServiceBusClient | None = None
        self._senders: dict[str, ServiceBusSender] = {}

    async def send(self, queue: str, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """Return those that can never be sent: too large, or with an impossible id.

        Raises BrokerAway; then some may have arrived, which is why the queue has to detect duplicates.
        """
        async with self._turn:
            outcome = await self._outcome(self._send(queue, messages))
            if not isinstance(outcome, BaseException):
                return outcome
            await self._close_sender(queue)
        raise BrokerAway(redact(f"{type(outcome).__name__}: {outcome}")) from outcome

    async def close(self) -> None:
        async with self._turn:
            for queue in list(self._senders):
                await self._close_sender(queue)
            if self._client is not None:
                await self._outcome(self._client.close())
            if self._credential is not None:
                await self._outcome(self._credential.close())

    async def _send(self, queue: str, messages: Sequence[Outgoing]) -> list[Outgoing]:
        return await _send_in_batches(self._sender(queue), messages)

    def _sender(self, queue: str) -> "ServiceBusSender":
        if self._client is None:
            self._credential = self._make_credential()
            self._client = self._make_client(self._namespace, self._credential)
        if queue not in self._senders:
            self._senders[queue] = self._client.get_queue_sender(queue)
        return self._senders[queue]

    async def _close_sender(self, queue: str) -> None:
        sender = self._senders.pop(queue, None)
        if sender is not None:
            await self._outcome(sender.close())

    async def _outcome[T](self, call: Coroutine[Any, Any, T]) -> T | BaseException:
        """Return what the call returned or raised, in time: on a broken connection the SDK lets errors of any kind through."""
        (outcome,) = await asyncio.gather(asyncio.wait_for(call, self._patience_s), return_exceptions=True)
        return outcome


class ServiceBusPublisher:
    """An EventPublisher. A message is durable once the broker has it or, while the broker is away, once the outbox has it.

    The outbox belongs to the publisher, which closes it.
    """

    def __init__(
        self,
        namespace: str,
        outbox: Outbox,
        *,
        credential_factory: Callable[[], Credential] | None = None,
        client_factory: ClientFactory | None = None,
        patience_s: float = 5.0,
        first_delay_s: float = 0.5,
    ) -> None:
        make_credential = credential_factory or (lambda: credentials(managed_identity=False)(None))
        self._broker = Broker(namespace, make_credential, client_factory or service_bus_client, patience_s)
        self._outbox, self._patience_s, self._first_delay_s = outbox, patience_s, first_delay_s
        self._buffer: deque[Outgoing] = deque()
        self._in_hand: Sequence[Outgoing] = ()
        self._queues: set[str] = set()
        self._unchecked: set[str] = set()
        self._away: set[str] = set()
        self._published = self._settled = 0
        self._closed = False
        self._arrived, self._progressed, self._held = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def publish(self, queue: str, message_id: str, body: bytes) -> None:
        if self._closed or not self._is_running():
            self._outbox.publish(queue, message_id, body)
            return
        if queue not in self._queues:
            self._queues.add(queue)
            self._look_into_outbox(queue)
        self._buffer.append((queue, message_id, body))
        self._published += 1
        self._arrived.set()

    async def flush(self) -> None:
        """Raises StoreUnavailable when neither the broker nor the outbox takes the messages."""
        published = self._published
        while self._settled < published:
            self._progressed.clear()
            await self._progressed.wait()
        await self._outbox.flush()

    def spill(self) -> None:
        """The outbox gets what the broker has not confirmed; should it have arrived all the same, the queue knows its id."""
        for message in (*self._in_hand, *self._buffer):
            self._outbox.publish(*message)
        self._outbox.spill()

    async def waiting(self) -> dict[str, int]:
        """Say of every queue how many messages wait in the outbox. Raises StoreUnavailable."""
        return {queue: await self._outbox.depth(queue) for queue in sorted(self._queues)}

    async def close(self) -> None:
        """Give the broker a last chance; the outbox gets the rest."""
        self._closed = True
        with suppress(TimeoutError, StoreUnavailable):
            async with asyncio.timeout(self._patience_s):
                await self.flush()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for message in self._buffer:
            self._outbox.publish(*message)
        await self._broker.close()
        await self._outbox.close()

    def _is_running(self) -> bool:
        """Start the tasks where there is a loop to run them."""
        if not self._tasks:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                return False
            self._tasks = [loop.create_task(self._send_forever()), loop.create_task(self._resend_forever())]
        return True

    async def _send_forever(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._buffer:
                await self._hand_over([self._buffer.popleft() for _ in range(min(len(self._buffer), _GROUP))])

    async def _hand_over(self, messages: Sequence[Outgoing]) -> None:
        queues = {queue for queue, _, _ in messages}
        self._in_hand = messages
        unsent = {queue: [message for message in messages if message[0] == queue] for queue in queues}
        try:
            for queue in queues:
                if queue not in self._away:
                    await self._send(queue, unsent[queue])
                    del unsent[queue]
        except BrokerAway as error:
            _LOG.warning("the broker is away, messages go to the outbox: %s", error)
        finally:
            for queue in unsent:
                self._keep(queue, unsent[queue])
            self._in_hand = ()
            self._settled += len(messages)
            self._progressed.set()

    def _keep(self, queue: str, messages: Sequence[Outgoing]) -> None:
        """Put messages into the outbox; those that follow queue up behind them until it is empty again."""
        for message in messages:
            self._outbox.publish(*message)
        self._away.add(queue)
        self._look_into_outbox(queue)

    def _look_into_outbox(self, queue: str) -> None:
        self._unchecked.add(queue)
        self._held.set()

    async def _send(self, queue: str, messages: Sequence[Outgoing]) -> None:
        for _, id, body in await self._broker.send(queue, messages):
            _LOG.error("message %s can never be sent to %s; it is kept in the outbox's dead-letter queue", id, queue)
            self._outbox.publish(queue + DEAD_LETTER, id, body)

    async def _resend_forever(self) -> None:
        """Empty the outbox whenever something may be in it: when it was used, and once for what an earlier process left."""
        delay = self._first_delay_s
        while True:
            await self._held.wait()
            self._held.clear()
            for queue in list(self._unchecked):
                self._unchecked.remove(queue)
                if not await self._emptied(queue):
                    self._look_into_outbox(queue)
                elif queue not in self._unchecked:
                    self._away.discard(queue)
            if self._unchecked:
                await asyncio.sleep(delay)
                delay = min(2 * delay, _LONGEST_DELAY_S)
            else:
                delay = self._first_delay_s

    async def _emptied(self, queue: str) -> bool:
        try:
            await self._outbox.flush()
            await self._resend(queue)
            # What another process had locked when it died becomes visible later.
            return await self._outbox.depth(queue) == 0
        except BrokerAway:
            return False
        except StoreUnavailable as error:
            _LOG.warning("the outbox of %s is unavailable: %s", queue, error)
            return False

    async def _resend(self, queue: str) -> None:
        while messages := await self._outbox.receive(queue, _GROUP, _LOCK_S):
            tokens = [message.lock_token for message in messages]
            try:
                await self._send(queue, [(queue, message.id, message.body) for message in messages])
            except (BrokerAway, asyncio.CancelledError):
                await self._outbox.abandon(queue, tokens)
                raise
            await self._outbox.complete(queue, tokens)


async def _send_in_batches(sender: "ServiceBusSender", messages: Sequence[Outgoing]) -> list[Outgoing]:
    refused = []
    batch = await sender.create_message_batch()
    for message in messages:
        if _added(batch, message):
            continue
        if len(batch):
            await sender.send_messages(batch)
            batch = await sender.create_message_batch()
            if _added(batch, message):
                continue
        refused.append(message)
    if len(batch):
        await sender.send_messages(batch)
    return refused


def _added(batch: "ServiceBusMessageBatch", message: Outgoing) -> bool:
    _, id, body = message
    try:
        batch.add_message(message_of(id, body))
    except ValueError:
        return False
    return True


def message_of(id: str, body: bytes) -> "ServiceBusMessage":
    """Return a message for the SDK. Raises ValueError where its id is impossible."""
    from azure.servicebus import ServiceBusMessage

    return ServiceBusMessage(body, message_id=id, content_type="application/json")


def service_bus_client(namespace: str, credential: Any) -> "ServiceBusClient":
    from azure.servicebus.aio import ServiceBusClient

    return ServiceBusClient(namespace, credential, retry_total=2, retry_backoff_factor=0.2)
