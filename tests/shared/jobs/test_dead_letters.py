"""Operators read, correct, resend and give up what could not be processed, and every deed is on record first."""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from shared.adapters.local_dead_letters import LocalDeadLetters
from shared.adapters.local_queue import LocalQueue
from shared.documents import StoreUnavailable
from shared.errors import BadRequest
from shared.jobs.dead_letters import (
    MOST_BYTES,
    DeadLetterService,
    Deed,
    LetterInvalid,
    LetterUnknown,
    SetAside,
    replay_events,
)
from shared.jobs.usage_ingest import Intake, parsed, post
from shared.ledger.rejected import RejectedStore
from shared.queues import ALERTS, USAGE_EVENTS
from shared.usage.model import NO_USAGE, Attribution, Outcome, Timings, UsageEvent
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.ledger.synthetic import intake

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


async def dead(desk: Desk, body: bytes) -> None:
    """Send a usage event and set aside all that wait."""
    desk.queue.publish(USAGE_EVENTS, f"m{id(body)}", body)
    await died(desk)


async def died(desk: Desk) -> None:
    await desk.queue.flush()
    messages = await desk.queue.receive(USAGE_EVENTS, 99, lock_s=60)
    await desk.queue.dead_letter(USAGE_EVENTS, [each.lock_token for each in messages], "StoreUnavailable")


async def again(desk: Desk, **bounds: float) -> int:
    return await replay_events(desk.letters, desk.rejected, desk.clock, **bounds)


async def test_good_events_that_died_of_an_outage_go_back_by_themselves(desk: Desk) -> None:
    await dead(desk, BAD)
    await dead(desk, GOOD)

    assert await again(desk) == 1

    assert await desk.waiting() == [GOOD]
    assert [item.text.encode() for item in await desk.everything()] == [BAD]


async def test_what_dies_every_time_goes_back_four_times_a_day_and_after_a_week_no_more(desk: Desk) -> None:
    await dead(desk, GOOD)
    replayed = 0

    for _ in range(10 * 24 * 12):
        replayed += await again(desk)
        await died(desk)
        desk.clock.advance(300)

    assert 7 * 4 <= replayed <= 7 * 4 + 1
    assert [item.text.encode() for item in await desk.everything()] == [GOOD]


async def test_while_the_store_is_away_nothing_is_sent_only_to_come_back(desk: Desk) -> None:
    await dead(desk, GOOD)
    desk.documents.is_down = True

    with pytest.raises(StoreUnavailable):
        await again(desk)

    desk.documents.is_down = False
    assert [item.text.encode() for item in await desk.everything()] == [GOOD]


async def test_a_run_has_an_end_and_the_next_one_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [orjson.dumps({**orjson.loads(GOOD), "id": f"req_{n}"}) for n in range(5)]
    for body in bodies:
        await dead(desk, body)
    replay = desk.letters.replay

    async def slow(queue: str, id: str, body: bytes | None = None) -> None:
        desk.clock.advance(1)
        await replay(queue, id, body)

    monkeypatch.setattr(desk.letters, "replay", slow)
    assert [await again(desk, budget_s=2) for _ in range(4)] == [2, 2, 1, 0]
    assert sorted(await desk.waiting()) == bodies


def posted_in(desk: Desk) -> Intake:
    return intake(desk.documents, desk.clock)


@SOURCES
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"started_at": "2025-12-31T23:00:00+00:00"},
        {"team": "b"},
        {"team": "b", "started_at": "2025-12-01T00:00:00+00:00"},
        {"id": "req_9"},
    ],
)
async def test_an_event_that_the_ledger_has_is_not_entered_a_second_time(
    desk: Desk, source: str, changes: dict[str, str]
) -> None:
    await post([parsed(GOOD, desk.clock.now())], posted_in(desk))
    found = await one(desk, source, GOOD)
    corrected = orjson.dumps({**orjson.loads(GOOD), **changes})

    with pytest.raises(LetterInvalid, match="the ledger already has the event req_1 as use of the team a in 2026-01"):
        await desk.service.correct(found.id, corrected)
    with pytest.raises(LetterInvalid, match="already"):
        await desk.service.replay(found.id, "vk_root", corrected)

    assert (await desk.everything(), await desk.waiting(), desk.deeds) == ([found], [], [])
    await desk.service.discard(found.id, "vk_root")


async def test_an_event_that_was_corrected_before_is_found_where_it_was_entered(desk: Desk) -> None:
    moved = orjson.dumps({**orjson.loads(GOOD), "team": "b"})
    await post([parsed(moved, desk.clock.now())], posted_in(desk))
    found = await one(desk, "queue", BAD)

    with pytest.raises(LetterInvalid, match="team b"):
        await desk.service.replay(found.id, "vk_root", moved)


async def test_without_the_ledger_nothing_is_sent(desk: Desk) -> None:
    found = await one(desk, "queue", GOOD)
    desk.documents.is_down = True

    with pytest.raises(StoreUnavailable):
        await desk.service.replay(found.id, "vk_root")
    assert (await desk.waiting(), desk.deeds) == ([], [])
