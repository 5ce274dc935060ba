"""Operators read, correct, resend and give up what could not be processed, and every deed is on record first."""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from shared.adapters.local_dead_letters import LocalDeadLetters
from shared.adapters.local_queue import LocalQueue
from shared.documents import StoreUnavailable
from shared.errors import BadRequest
from shared.jobs.dead_letters import MOST_BYTES, DeadLetterService, Deed, LetterInvalid, LetterUnknown, SetAside
from shared.ledger.rejected import RejectedStore
from shared.queues import ALERTS, USAGE_EVENTS
from shared.usage.model import NO_USAGE, Attribution, Outcome, Timings, UsageEvent
from tests.fakes import FakeClock, MemoryDocuments

CLOCK = FakeClock()
GOOD = orjson.dumps(
    UsageEvent(
        "req_1", CLOCK.now(), "chat.completions", Attribution("a", "vk_a"), 200, Outcome.COMPLETED, NO_USAGE, Timings(None, 1)
    ).to_json()
)  # fmt: skip
BAD = orjson.dumps({**orjson.loads(GOOD), "team": 7})


class Desk:
    def __init__(self, path: Path) -> None:
        self.clock = FakeClock()
        self.documents = MemoryDocuments(self.clock)
        self.queue = LocalQueue(path, self.clock, linger_s=0)
        self.letters = LocalDeadLetters(path, self.clock)
        self.rejected = RejectedStore(self.documents, self.clock)
        self.deeds: list[Deed] = []
        self.is_audited = True
        self.service = DeadLetterService(self.letters, self.rejected, self.queue, self.clock, self.audit)

    async def audit(self, deed: Deed) -> None:
        if not self.is_audited:
            raise StoreUnavailable("no audit")
        self.deeds.append(deed)

    async def set_aside(self, body: bytes, queue: str = USAGE_EVENTS) -> None:
        self.queue.publish(queue, "odd", body)
        await self.queue.flush()
        messages = await self.queue.receive(queue, 10, lock_s=60)
        await self.queue.dead_letter(queue, [message.lock_token for message in messages], "cannot be read")

    async def everything(self, limit: int = 50) -> list[SetAside]:
        found, cursor = list[SetAside](), None
        while True:
            page, cursor = await self.service.page(limit, cursor)
            found += page
            if cursor is None:
                return found

    async def waiting(self) -> list[bytes]:
        return [message.body for message in await self.queue.receive(USAGE_EVENTS, 10, lock_s=60)]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path / "queues.db")
    yield desk
    await desk.letters.close()
    await desk.queue.close()


async def one(desk: Desk, source: str, body: bytes = BAD) -> SetAside:
    if source == "refused":
        await desk.rejected.keep(body, "team: Input should be a valid string")
    else:
        await desk.set_aside(body)
    (found,) = await desk.everything()
    return found


SOURCES = pytest.mark.parametrize("source", ["refused", "queue"])


async def test_one_list_shows_what_stands_in_every_place(desk: Desk) -> None:
    for n in range(3):
        await desk.rejected.keep(b"%d" % n, "the message is no JSON object")
        await desk.set_aside(b"[%d]" % n, ALERTS)
        desk.clock.advance(700)
    await desk.set_aside(BAD)

    found = await desk.everything(limit=2)

    assert [item.queue for item in found] == [USAGE_EVENTS] * 4 + [ALERTS] * 3
    assert [item.text for item in found[:3]] == ["0", "1", "2"]
    assert [await desk.service.get(item.id) for item in found] == found


@SOURCES
async def test_a_body_that_would_only_come_back_is_refused_and_the_field_named(desk: Desk, source: str) -> None:
    found = await one(desk, source)

    for attempt in (None, BAD):
        with pytest.raises(LetterInvalid, match="team"):
            await desk.service.replay(found.id, "vk_root", attempt)
    with pytest.raises(LetterInvalid, match="not JSON"):
        await desk.service.correct(found.id, b"{")
    assert (await desk.everything(), await desk.waiting(), desk.deeds) == ([found], [], [])


@SOURCES
async def test_a_corrected_one_goes_back_and_is_gone_here(desk: Desk, source: str) -> None:
    found = await one(desk, source)
    assert (await desk.service.correct(found.id, GOOD))["team"] == "a"

    await desk.service.replay(found.id, "vk_root", GOOD)

    assert (await desk.waiting(), await desk.everything()) == ([GOOD], [])
    (deed,) = desk.deeds
    assert (deed.actor, deed.action, deed.id, len(deed.digest or "")) == ("vk_root", "replay", found.id, 64)
    with pytest.raises(LetterUnknown):
        await desk.service.replay(found.id, "vk_root", GOOD)


@SOURCES
async def test_what_has_become_valid_goes_back_as_it_is(desk: Desk, source: str) -> None:
    found = await one(desk, source, GOOD)

    await desk.service.replay(found.id, "vk_root")

    assert await desk.waiting() == [GOOD]


@SOURCES
async def test_what_is_given_up_is_gone_and_on_record(desk: Desk, source: str) -> None:
    found = await one(desk, source)

    await desk.service.discard(found.id, "vk_root")

    assert (await desk.everything(), await desk.waiting()) == ([], [])
    assert [(deed.action, deed.reason) for deed in desk.deeds] == [("discard", found.reason)]


@SOURCES
async def test_nothing_is_done_that_cannot_be_put_on_record(desk: Desk, source: str) -> None:
    found, desk.is_audited = await one(desk, source), False

    with pytest.raises(StoreUnavailable):
        await desk.service.replay(found.id, "vk_root", GOOD)
    with pytest.raises(StoreUnavailable):
        await desk.service.discard(found.id, "vk_root")

    assert (await desk.everything(), await desk.waiting()) == ([found], [])


@SOURCES
async def test_a_large_one_is_shown_in_part_and_only_goes_back_corrected(desk: Desk, source: str) -> None:
    found = await one(desk, source, b"\xff" + b"x" * MOST_BYTES)

    assert (found.is_whole, found.text[:2], len(found.text)) == (False, "\ufffdx", MOST_BYTES)
    with pytest.raises(LetterInvalid, match="too large"):
        await desk.service.replay(found.id, "vk_root")
    await desk.service.replay(found.id, "vk_root", GOOD)
    assert await desk.waiting() == [GOOD]


@pytest.mark.parametrize(
    "id", ["", "rej_0", "usage-events:1", "usage-events:x", "users:1", "usage-events", ":", "\ud800:1"]
)
async def test_what_is_not_there_is_not_found(desk: Desk, id: str) -> None:
    with pytest.raises(LetterUnknown):
        await desk.service.get(id)
    with pytest.raises(LetterUnknown):
        await desk.service.discard(id, "vk_root")
    assert desk.deeds == []


@pytest.mark.parametrize("cursor", ["9:", "x", "-1:", "00:", ":"])
async def test_a_cursor_of_something_else_is_refused(desk: Desk, cursor: str) -> None:
    with pytest.raises(BadRequest):
        await desk.service.page(10, cursor)


async def test_messages_of_other_queues_must_be_objects_at_least(desk: Desk) -> None:
    await desk.set_aside(b"[]", ALERTS)
    (found,) = await desk.everything()

    with pytest.raises(LetterInvalid, match="no JSON object"):
        await desk.service.replay(found.id, "vk_root")
    await desk.service.replay(found.id, "vk_root", b'{"notice": "n"}')

    assert [message.body for message in await desk.queue.receive(ALERTS, 9, lock_s=1)] == [b'{"notice": "n"}']
