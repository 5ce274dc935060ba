import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from shared.adapters.local_queue import LocalQueue
from shared.clock import SystemClock
from shared.documents import StoreUnavailable
from shared.queues import USAGE_EVENTS, Message
from tests.fakes import FakeClock
from tests.shared.adapters.children import kill_after
from tests.shared.adapters.disks import SmallDisk
from tests.shared.adapters.publisher_contract import EventPublisherContract, until

Q = USAGE_EVENTS


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "queues.db"


@pytest.fixture
async def queue(path: Path, clock: FakeClock) -> AsyncIterator[LocalQueue]:
    queue = LocalQueue(path, clock, linger_s=0, patience_s=0.05)
    yield queue
    await queue.close()


async def put(queue: LocalQueue, *ids: str, into: str = Q) -> None:
    for id in ids:
        queue.publish(into, id, id.encode())
    await queue.flush()


def ids(messages: Sequence[Message]) -> list[str]:
    return [message.id for message in messages]


def tokens(messages: Sequence[Message]) -> list[str]:
    return [message.lock_token for message in messages]


class _LocalLine:
    """The receiver is another instance on the same file; another connection's lock cuts the line."""

    def __init__(self, path: Path, clock: FakeClock) -> None:
        self.publisher = LocalQueue(path, clock, linger_s=0, patience_s=0.01)
        self._receiver = LocalQueue(path, clock)
        self._locker = sqlite3.connect(path, isolation_level=None)

    async def received(self, at_least: int = 0) -> dict[str, bytes]:
        async def there() -> bool:
            return await self._receiver.depth(Q) >= at_least

        await until(there)
        messages = await self._receiver.receive(Q, 10_000, lock_s=60)
        assert len(messages) == len(set(ids(messages)))
        return {message.id: message.body for message in messages}

    async def cut(self) -> None:
        self._locker.execute("BEGIN IMMEDIATE")

    async def mend(self) -> None:
        self._locker.execute("ROLLBACK")

    async def close(self) -> None:
        self._locker.close()
        await self.publisher.close()
        await self._receiver.close()


class TestLocalQueueAsPublisher(EventPublisherContract):
    @pytest.fixture
    async def line(self, queue: LocalQueue, path: Path, clock: FakeClock) -> AsyncIterator[_LocalLine]:
        await queue.flush()
        path.parent.mkdir()
        line = _LocalLine(path, clock)
        yield line
        await line.close()


async def test_messages_come_in_the_order_they_were_published(queue: LocalQueue, clock: FakeClock) -> None:
    await put(queue, "a", "b", "c")
    messages = await queue.receive(Q, 2, lock_s=30)

    assert ids(messages) == ["a", "b"]
    assert [message.delivery_count for message in messages] == [1, 1]
    assert messages[0].sequence_number < messages[1].sequence_number
    assert messages[0].enqueued_at == clock.now()
    assert messages[0].dead_letter_reason is None


async def test_queues_are_apart(queue: LocalQueue) -> None:
    await put(queue, "a")
    await put(queue, "a", "b", into="others")

    assert ids(await queue.receive(Q, 10, lock_s=30)) == ["a"]
    assert await queue.depth("others") == 2


async def test_a_locked_message_shows_again_when_its_lock_is_over(queue: LocalQueue, clock: FakeClock) -> None:
    await put(queue, "a")
    await queue.receive(Q, 1, lock_s=30)
    clock.advance(29.9)
    assert await queue.receive(Q, 1, lock_s=30) == []
    clock.advance(0.1)
    (again,) = await queue.receive(Q, 1, lock_s=30)

    assert (again.id, again.delivery_count) == ("a", 2)


async def test_a_completed_message_is_gone(queue: LocalQueue, clock: FakeClock) -> None:
    await put(queue, "a", "b")
    await queue.complete(Q, tokens(await queue.receive(Q, 1, lock_s=30)))
    clock.advance(60)

    assert await queue.depth(Q) == 1
    assert ids(await queue.receive(Q, 10, lock_s=30)) == ["b"]


async def test_a_lock_that_someone_else_has_taken_over_settles_nothing(queue: LocalQueue, clock: FakeClock) -> None:
    await put(queue, "a")
    late = tokens(await queue.receive(Q, 1, lock_s=30))
    clock.advance(30)
    (taken_over,) = await queue.receive(Q, 1, lock_s=30)
    await queue.complete(Q, late)
    await queue.abandon(Q, late)
    await queue.dead_letter(Q, late, "late")

    assert await queue.depth(Q) == 1
    assert await queue.receive(Q, 1, lock_s=30) == []
    await queue.complete(Q, [taken_over.lock_token])
    assert await queue.depth(Q) == 0


async def test_an_abandoned_message_shows_again_after_its_delay(queue: LocalQueue, clock: FakeClock) -> None:
    await put(queue, "a", "b")
    now, later = await queue.receive(Q, 2, lock_s=300)
    await queue.abandon(Q, [now.lock_token])
    await queue.abandon(Q, [later.lock_token], delay_s=10)

    assert ids(await queue.receive(Q, 10, lock_s=300)) == ["a"]
    clock.advance(10)
    (again,) = await queue.receive(Q, 10, lock_s=300)
    assert (again.id, again.delivery_count) == ("b", 2)


async def test_a_dead_letter_waits_in_a_queue_of_its_own_with_the_reason(queue: LocalQueue, clock: FakeClock) -> None:
    await put(queue, "a")
    await queue.dead_letter(Q, tokens(await queue.receive(Q, 1, lock_s=30)), "cannot be read")

    assert await queue.depth(Q) == 0
    assert await queue.depth(f"{Q}/dead-letter") == 1
    (dead,) = await queue.receive(f"{Q}/dead-letter", 1, lock_s=30)
    assert (dead.id, dead.body, dead.delivery_count, dead.dead_letter_reason) == ("a", b"a", 1, "cannot be read")
    await queue.complete(f"{Q}/dead-letter", [dead.lock_token])
    assert await queue.depth(f"{Q}/dead-letter") == 0


async def test_two_receivers_never_hold_the_same_message(queue: LocalQueue, path: Path, clock: FakeClock) -> None:
    await put(queue, *(str(n) for n in range(100)))
    other = LocalQueue(path, clock)
    groups = await asyncio.gather(*(receiver.receive(Q, 10, lock_s=30) for receiver in [queue, other] * 5))
    await other.close()

    assert sorted(id for group in groups for id in ids(group)) == sorted(str(n) for n in range(100))


async def test_an_id_is_forgotten_after_ten_minutes(queue: LocalQueue, clock: FakeClock) -> None:
    await put(queue, "a")
    await queue.complete(Q, tokens(await queue.receive(Q, 1, lock_s=30)))
    clock.advance(599)
    await put(queue, "a")
    assert await queue.depth(Q) == 0
    clock.advance(1)
    await put(queue, "a")

    assert await queue.depth(Q) == 1


async def test_an_id_that_is_no_text_does_not_stop_the_others(queue: LocalQueue) -> None:
    await put(queue, "a")
    queue.publish(Q, "\ud800", b"odd")
    queue.publish(Q, "b", b"b")
    await queue.flush()

    assert ids(await queue.receive(Q, 10, lock_s=30)) == ["a", "\\ud800", "b"]


async def test_a_full_disk_keeps_messages_in_memory_and_says_so(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk = SmallDisk(monkeypatch)
    queue = LocalQueue(path, clock, linger_s=0)
    await put(queue, "before")
    disk.fill()
    queue.publish(Q, "big", b"x" * 100_000)
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="full"):
            await queue.flush()

    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "1 messages wait in memory" in caplog.text
    disk.free()
    await queue.flush()
    assert ids(await queue.receive(Q, 10, lock_s=30)) == ["before", "big"]
    await queue.close()


_PUBLISHER = """
import asyncio, sys
from pathlib import Path
from shared.adapters.local_queue import LocalQueue
from shared.clock import SystemClock

async def main():
    queue = LocalQueue(Path(sys.argv[1]), SystemClock())
    for n in range(100_000):
        queue.publish("usage-events", f"{n}", b"x" * 500)
        if n % 50 == 49:
            await queue.flush()
            print(n, flush=True)

asyncio.run(main())
"""


async def test_what_was_flushed_survives_kill_9_exactly_once(path: Path) -> None:
    printed = await kill_after(30, _PUBLISHER, str(path))
    queue = LocalQueue(path, SystemClock())
    found = ids(await queue.receive(Q, 200_000, lock_s=30))
    await queue.close()

    assert found == [str(n) for n in range(len(found))]
    assert len(found) > int(printed[-1])


_RECEIVER = """
import asyncio, sys
from pathlib import Path
from shared.adapters.local_queue import LocalQueue
from shared.clock import SystemClock

async def main():
    queue = LocalQueue(Path(sys.argv[1]), SystemClock())
    while messages := await queue.receive("usage-events", 5, lock_s=0.2):
        done = messages[:2]
        await queue.complete("usage-events", [message.lock_token for message in done])
        print(" ".join(message.id for message in done), flush=True)

asyncio.run(main())
"""


async def test_what_a_killed_receiver_had_not_completed_is_delivered_again(path: Path, clock: FakeClock) -> None:
    published = [str(n) for n in range(200)]
    queue = LocalQueue(path, SystemClock())
    await put(queue, *published)
    completed = {id for line in await kill_after(5, _RECEIVER, str(path)) for id in line.split()}
    await queue.close()
    clock.advance((SystemClock().now() - clock.now()).total_seconds() + 60)
    later = LocalQueue(path, clock)
    rest = ids(await later.receive(Q, 1000, lock_s=30))
    await later.close()

    assert set(published) - set(rest) >= completed
    assert len(set(published) - set(rest) - completed) <= 2
    assert rest == sorted(set(rest), key=int)


async def test_what_was_published_in_the_last_moment_is_spilled_without_a_loop(tmp_path: Path) -> None:
    queue = LocalQueue(tmp_path / "queues.db", SystemClock(), linger_s=60)
    queue.publish(Q, "1", b"{}")

    await asyncio.to_thread(queue.spill)

    reader = LocalQueue(tmp_path / "queues.db", SystemClock())
    assert await reader.depth(Q) == 1
    await reader.close()
    await queue.close()
