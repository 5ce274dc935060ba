from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from shared.adapters.local_dead_letters import LocalDeadLetters
from shared.adapters.local_queue import LocalQueue
from shared.alerts.model import Notice
from shared.jobs.dead_letter_notices import COUNTED, raise_dead_letter_notices
from shared.ledger.rejected import RejectedStore
from shared.queues import ALERTS, USAGE_EVENTS
from tests.fakes import FakeClock, MemoryDocuments

QUEUES = (USAGE_EVENTS, ALERTS)


class Desk:
    def __init__(self, path: Path) -> None:
        self.clock = FakeClock()
        self.queue = LocalQueue(path, self.clock, linger_s=0)
        self.letters = LocalDeadLetters(path, self.clock)
        self.rejected = RejectedStore(MemoryDocuments(self.clock), self.clock)
        self.notices: dict[str, Notice] = {}

    async def raise_(self, notices: Iterable[Notice]) -> int:
        new = {notice.id: notice for notice in notices if notice.id not in self.notices}
        self.notices |= new
        return len(new)

    async def tick(self) -> int:
        return await raise_dead_letter_notices(self.letters, self.rejected, self, self.clock, QUEUES)

    async def set_aside(self, *ids: str) -> None:
        for id in ids:
            self.queue.publish(ALERTS, id, b"[]")
        await self.queue.flush()
        messages = await self.queue.receive(ALERTS, 5000, lock_s=60)
        await self.queue.dead_letter(ALERTS, [message.lock_token for message in messages], "odd")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path / "queues.db")
    yield desk
    await desk.letters.close()
    await desk.queue.close()


async def test_where_nothing_waits_nobody_is_told(desk: Desk) -> None:
    assert (await desk.tick(), desk.notices) == (0, {})


async def test_each_place_is_told_of_with_how_many_there_are(desk: Desk) -> None:
    await desk.rejected.keep(b"odd", "no JSON")
    await desk.set_aside("a", "b")

    assert await desk.tick() == 3

    assert {notice.title for notice in desk.notices.values()} == {
        "Messages could not be processed: 1 refused by usage-events",
        "Messages could not be processed: 2 set aside in alerts",
    }
    assert {notice.kind for notice in desk.notices.values()} == {"dead_letter"}


async def test_what_was_told_is_not_told_again_and_what_is_new_is_once_an_hour(desk: Desk) -> None:
    for n in range(24):
        await desk.set_aside(f"a{n}")
        await desk.tick()
        desk.clock.advance(300)
    assert len(desk.notices) == 2

    desk.clock.advance(86_400)
    await desk.tick()
    assert len(desk.notices) == 2


async def test_very_many_are_not_counted(desk: Desk) -> None:
    await desk.set_aside(*(str(n) for n in range(COUNTED + 500)))

    assert await desk.tick() >= COUNTED
    assert "or more" in next(iter(desk.notices.values())).title
