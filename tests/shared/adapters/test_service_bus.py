import asyncio
import gc
import logging
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus.aio import ServiceBusClient

from shared.adapters.local_queue import LocalQueue
from shared.adapters.service_bus import ServiceBusPublisher
from shared.clock import SystemClock
from shared.queues import USAGE_EVENTS
from tests.peers.service_bus import NpmMissing, ServiceBusPeer, service_bus_peer
from tests.shared.adapters.publisher_contract import EventPublisherContract, publish, until

Q = USAGE_EVENTS


class SharedKey:
    """The peer's client signs with the key of its connection string."""

    async def get_token(self, *scopes: str) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        pass


def client(connection_string: str, credential: Any) -> ServiceBusClient:
    return ServiceBusClient.from_connection_string(connection_string, retry_total=0)


class _BrokerLine:
    def __init__(self, peer: ServiceBusPeer, path: Path) -> None:
        self.peer, self.path = peer, path
        self.publisher = self.opened()

    def opened(self, patience_s: float = 1) -> ServiceBusPublisher:
        return ServiceBusPublisher(
            self.peer.connection_string,
            self.outbox(),
            credential_factory=SharedKey,
            client_factory=client,
            patience_s=patience_s,
            first_delay_s=0.05,
        )

    def outbox(self) -> LocalQueue:
        return LocalQueue(self.path, SystemClock(), linger_s=0)

    async def in_outbox(self, queue: str = Q) -> int:
        outbox = self.outbox()
        depth = await outbox.depth(queue)
        await outbox.close()
        return depth

    async def received(self, at_least: int = 0) -> dict[str, bytes]:
        async def there() -> bool:
            return len(await self.peer.received(Q)) >= at_least

        await until(there)
        return await self.peer.received(Q)

    async def cut(self) -> None:
        await self.peer.do("away")

    async def mend(self) -> None:
        await self.peer.do("back")


@pytest.fixture
def no_leaks_into_other_tests() -> Iterator[None]:
    """The SDK forgets to close the socket of a connection that broke."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
async def line(tmp_path: Path, no_leaks_into_other_tests: None) -> AsyncIterator[_BrokerLine]:
    try:
        async with service_bus_peer(Q) as peer:
            line = _BrokerLine(peer, tmp_path / "outbox.db")
            yield line
            await line.publisher.close()
    except NpmMissing as reason:
        pytest.skip(str(reason))


class TestServiceBusPublisher(EventPublisherContract):
    pass


async def test_messages_say_that_they_are_json(line: _BrokerLine) -> None:
    publish(line, range(3))
    await line.publisher.flush()

    assert await line.peer.content_types(Q) == {"application/json"}


async def test_while_the_broker_is_away_messages_are_durable_in_the_outbox(
    line: _BrokerLine, caplog: pytest.LogCaptureFixture
) -> None:
    await line.cut()
    sent = publish(line, range(20))
    await line.publisher.flush()
    assert await line.in_outbox() == 20
    await line.mend()

    assert await line.received(at_least=20) == sent
    assert "the broker is away" in caplog.text


@pytest.mark.parametrize("trouble", ["refuse", "mute"])
async def test_a_broker_that_does_not_take_messages_gets_them_later(line: _BrokerLine, trouble: str) -> None:
    await line.peer.do(trouble)
    sent = publish(line, range(5))
    await line.publisher.flush()
    assert await line.received() == {}
    await line.peer.do("accept")

    assert await line.received(at_least=5) == sent


async def test_messages_of_an_unknown_queue_stay_in_the_outbox_and_hold_up_nobody(line: _BrokerLine) -> None:
    line.publisher.publish("no-such-queue", "a", b"{}")
    sent = publish(line, range(5))
    await line.publisher.flush()

    assert await line.in_outbox("no-such-queue") == 1
    assert await line.received(at_least=5) == sent


async def test_closing_puts_what_the_broker_does_not_take_into_the_outbox(line: _BrokerLine) -> None:
    await line.peer.do("mute")
    publisher = line.publisher = line.opened(patience_s=0.2)
    publish(line, range(30))
    await publisher.close()
    assert await line.in_outbox() == 30
    publisher.publish(Q, "late", b"{}")
    await line.peer.do("accept")
    line.publisher = line.opened()
    sent = publish(line, range(30, 31))

    assert await line.received(at_least=31) == {**{f"req_{n}": b'{"n": %d}' % n for n in range(30)}, **sent}


async def test_what_can_never_be_sent_is_set_aside(line: _BrokerLine, caplog: pytest.LogCaptureFixture) -> None:
    line.publisher.publish(Q, "x" * 200, b"{}")
    line.publisher.publish(Q, "too-large", b"x" * 2_000_000)
    sent = publish(line, range(3))
    await line.publisher.flush()

    assert await line.received() == sent
    assert await line.in_outbox() == 0
    assert await line.in_outbox(f"{Q}/dead-letter") == 2
    assert [record.levelno for record in caplog.records if "never be sent" in record.message] == [logging.ERROR] * 2


async def test_more_than_a_batch_holds_is_sent_in_several(line: _BrokerLine) -> None:
    sent = {f"req_{n}": bytes([65 + n]) * 100_000 for n in range(20)}
    for id, body in sent.items():
        line.publisher.publish(Q, id, body)
    await line.publisher.flush()

    assert await line.received() == sent


def test_without_a_running_loop_messages_go_to_the_outbox(tmp_path: Path) -> None:
    outbox = LocalQueue(tmp_path / "outbox.db", SystemClock())
    publisher = ServiceBusPublisher("namespace.example", outbox, credential_factory=SharedKey, client_factory=client)
    publisher.publish(Q, "a", b"{}")

    async def depth() -> int:
        await outbox.flush()
        return await outbox.depth(Q)

    assert asyncio.run(depth()) == 1
    asyncio.run(publisher.close())


async def test_what_the_broker_has_not_confirmed_when_the_process_ends_is_spilled(line: _BrokerLine) -> None:
    await line.peer.do("mute")
    publisher = line.publisher = line.opened(patience_s=30)
    publish(line, range(20))
    await asyncio.sleep(0)
    publish(line, range(20, 30))

    await asyncio.to_thread(publisher.spill)

    assert await line.in_outbox() == 30
    await line.peer.do("accept")


async def test_what_waits_for_the_broker_is_told_by_queue(line: _BrokerLine) -> None:
    assert await line.publisher.waiting() == {}
    await line.cut()
    publish(line, range(7))
    await line.publisher.flush()

    assert await line.publisher.waiting() == {Q: 7}
    await line.mend()
