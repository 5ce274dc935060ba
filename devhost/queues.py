"""Drains the local durable queue into queue functions: complete on success, redeliver on failure, then dead-letter."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from devhost import encodings
from devhost.encodings import Input
from devhost.host_settings import HostSettings
from devhost.listeners import Run
from devhost.stopping import StopSignal
from devhost.worker import Function, Outcome
from shared.documents import StoreUnavailable
from shared.queues import Message, QueueReceiver

_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.25
_FIRST_RETRY_S, _LONGEST_RETRY_S = 0.25, 5.0
_OUTAGE_PAUSE_S = 1.0

_log = logging.getLogger("devhost.queues")


class QueueListener:
    """One queue function. A function of cardinality one gets its messages in parallel, each settled by itself."""

    def __init__(
        self, function: Function, queue: str, receiver: QueueReceiver, run: Run, settings: HostSettings
    ) -> None:
        self._function, self._queue, self._receiver, self._run = function, queue, receiver, run
        self._settings = settings
        self._most = settings.batch_size if function.takes_batches else settings.concurrent_calls

    async def listen(self, stop: StopSignal) -> None:
        pause_s = _SHORTEST_PAUSE_S
        while not stop.is_set:
            try:
                received = await self._receive_and_deliver()
            except StoreUnavailable as error:
                _log.error("%s cannot be read and is tried again: %s", self._queue, error)
                await stop.pause(_OUTAGE_PAUSE_S)
                continue
            if received < self._most:
                pause_s = _SHORTEST_PAUSE_S if received else min(2 * pause_s, _LONGEST_PAUSE_S)
                await stop.pause(pause_s)

    async def _receive_and_deliver(self) -> int:
        messages = await self._receiver.receive(self._queue, self._most, self._settings.lock_s)
        if messages:
            await self._deliver(messages)
        return len(messages)

    async def _deliver(self, messages: Sequence[Message]) -> None:
        if self._function.takes_batches:
            outcome = await self._run(self._function, encodings.service_bus_batch(messages))
            await self._settle(messages, outcome)
        else:
            await asyncio.gather(*(self._deliver_one(message) for message in messages))

    async def _deliver_one(self, message: Message) -> None:
        outcome = await self._run(self._function, _ENCODINGS[self._function.trigger_type](message))
        await self._settle([message], outcome)

    async def _settle(self, messages: Sequence[Message], outcome: Outcome) -> None:
        if outcome.error is None:
            await self._receiver.complete(self._queue, [message.lock_token for message in messages])
            return
        poison = [m for m in messages if m.delivery_count >= self._settings.max_deliveries]
        if poison:
            _log.error(
                "%s messages of %s go to its dead-letter queue: %s", len(poison), self._queue, outcome.error_type
            )
            await self._receiver.dead_letter(self._queue, [m.lock_token for m in poison], outcome.error_type)
        if rest := [m for m in messages if m.delivery_count < self._settings.max_deliveries]:
            delay_s = _retry_delay_s(max(m.delivery_count for m in rest))
            await self._receiver.abandon(self._queue, [m.lock_token for m in rest], delay_s)


def _retry_delay_s(deliveries: int) -> float:
    return min(_FIRST_RETRY_S * 2.0 ** min(deliveries - 1, 10), _LONGEST_RETRY_S)


_ENCODINGS: dict[str, Callable[[Message], Input]] = {
    "serviceBusTrigger": encodings.service_bus,
    "queueTrigger": encodings.storage_queue,
}
