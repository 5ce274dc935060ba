"""What every EventPublisher promises. A test class of an adapter inherits this and offers the fixture `line`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from shared.queues import USAGE_EVENTS, EventPublisher


class Line(Protocol):
    """A publisher, and the queue at its other end."""

    publisher: EventPublisher

    async def received(self, at_least: int = 0) -> dict[str, bytes]:
        """Bodies by message id, once so many are there; a message that is there twice is an error."""

    async def cut(self) -> None:
        """Make the other end unreachable."""

    async def mend(self) -> None: ...


async def until(come_true: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again: what happens in another process sends no event."""
    for _ in range(1000):
        if await come_true():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError


def publish(line: Line, numbers: range) -> dict[str, bytes]:
    messages = {f"req_{n}": b'{"n": %d}' % n for n in numbers}
    for id, body in messages.items():
        line.publisher.publish(USAGE_EVENTS, id, body)
    return messages


class EventPublisherContract:
    async def test_what_was_flushed_has_arrived_unchanged(self, line: Line) -> None:
        sent = publish(line, range(50))
        await line.publisher.flush()

        assert await line.received() == sent

    async def test_many_messages_all_arrive(self, line: Line) -> None:
        sent = publish(line, range(3000))
        await line.publisher.flush()

        assert await line.received() == sent

    async def test_a_message_id_that_was_seen_is_dropped(self, line: Line) -> None:
        line.publisher.publish(USAGE_EVENTS, "req_1", b"first")
        line.publisher.publish(USAGE_EVENTS, "req_1", b"second")
        await line.publisher.flush()
        line.publisher.publish(USAGE_EVENTS, "req_1", b"third")
        await line.publisher.flush()

        assert await line.received() == {"req_1": b"first"}

    async def test_a_flush_with_nothing_to_do_returns(self, line: Line) -> None:
        await line.publisher.flush()
        await line.publisher.flush()

        assert await line.received() == {}

    async def test_nothing_is_lost_or_doubled_while_the_other_end_is_away(self, line: Line) -> None:
        sent = publish(line, range(10))
        await line.publisher.flush()
        await line.cut()
        sent |= publish(line, range(5, 600))
        await asyncio.sleep(0.05)
        await line.mend()
        sent |= publish(line, range(590, 700))

        assert await line.received(at_least=700) == sent
