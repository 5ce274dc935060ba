from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.adapters.local_dead_letters import LocalDeadLetters
from shared.adapters.local_queue import LocalQueue
from tests.fakes import FakeClock
from tests.shared.adapters.dead_letters_contract import DeadLettersContract, Q


class _LocalLetters:
    def __init__(self, path: Path) -> None:
        self.clock = FakeClock()
        self.queue = LocalQueue(path, self.clock, linger_s=0)
        self.port = LocalDeadLetters(path, self.clock)

    async def set_aside(self, *ids: str, reason: str = "cannot be read") -> None:
        self.clock.advance(3600)
        for id in ids:
            self.queue.publish(Q, id, id.encode())
        await self.queue.flush()
        messages = await self.queue.receive(Q, 100, lock_s=60)
        await self.queue.dead_letter(Q, [message.lock_token for message in messages], reason)

    async def waiting(self) -> dict[str, bytes]:
        self.clock.advance(3600)
        return {message.id: message.body for message in await self.queue.receive(Q, 100, lock_s=1)}


@pytest.fixture
async def letters(tmp_path: Path) -> AsyncIterator[_LocalLetters]:
    letters = _LocalLetters(tmp_path / "queues.db")
    yield letters
    await letters.port.close()
    await letters.queue.close()


class TestLocalDeadLetters(DeadLettersContract):
    pass


async def test_a_replayed_letter_is_received_as_a_new_message(letters: _LocalLetters) -> None:
    await letters.set_aside("req_1")
    ((letter,), _) = await letters.port.page(Q, 1)

    await letters.port.replay(Q, letter.id)

    (message,) = await letters.queue.receive(Q, 10, lock_s=60)
    assert (message.delivery_count, message.dead_letter_reason, message.body) == (1, None, b"req_1")
