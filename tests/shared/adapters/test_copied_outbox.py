from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.adapters.copied_outbox import LARGEST, CopiedOutbox
from shared.adapters.local_queue import LocalQueue
from shared.adapters.service_bus import ServiceBusPublisher
from shared.clock import SystemClock
from shared.documents import StoreUnavailable
from shared.jobs.republish import republish, set_aside
from shared.ledger.rejected import RejectedStore
from shared.queues import OUTBOX, USAGE_EVENTS
from tests.fakes import FakeClock, MemoryDocuments, MemoryEvents
from tests.peers.service_bus import NpmMissing, ServiceBusPeer, service_bus_peer
from tests.shared.adapters.disks import SmallDisk
from tests.shared.adapters.publisher_contract import until
from tests.shared.adapters.test_service_bus import SharedKey, client, no_leaks_into_other_tests

__all__ = ["no_leaks_into_other_tests"]
Q = USAGE_EVENTS


@pytest.fixture
def documents() -> MemoryDocuments:
    return MemoryDocuments()


@pytest.fixture
async def outbox(tmp_path: Path, documents: MemoryDocuments) -> AsyncIterator[CopiedOutbox]:
    local = LocalQueue(tmp_path / "outbox.db", FakeClock(), linger_s=0, patience_s=0.05)
    outbox = CopiedOutbox(local, documents, FakeClock())
    yield outbox
    await outbox.close()


async def copies(documents: MemoryDocuments, partition: str = Q) -> set[str]:
    page = await documents.query(OUTBOX, partition, limit=5000)
    return {str(document.body["message_id"]) for document in page.documents}


def put(outbox: CopiedOutbox, count: int) -> set[str]:
    ids = {f"req_{n}" for n in range(count)}
    for id in ids:
        outbox.publish(Q, id, b'{"id": "%s"}' % id.encode())
    return ids


async def test_what_waits_on_disk_stands_in_the_store_until_it_is_sent(
    outbox: CopiedOutbox, documents: MemoryDocuments
) -> None:
    ids = put(outbox, 120)
    await outbox.flush()
    assert await copies(documents) == ids
    messages = await outbox.receive(Q, 100, lock_s=30)
    await outbox.complete(Q, [message.lock_token for message in messages])

    assert await copies(documents) == ids - {message.id for message in messages}


async def test_while_the_store_is_away_the_disk_is_enough_and_copies_are_made_later(
    outbox: CopiedOutbox, documents: MemoryDocuments
) -> None:
    documents.is_down = True
    ids = put(outbox, 3)
    await outbox.flush()
    assert await outbox.depth(Q) == 3
    documents.is_down = False
    await outbox.flush()

    assert await copies(documents) == ids


async def test_what_was_sent_before_it_was_copied_is_not_copied(
    outbox: CopiedOutbox, documents: MemoryDocuments
) -> None:
    documents.is_down = True
    put(outbox, 3)
    await outbox.flush()
    messages = await outbox.receive(Q, 2, lock_s=30)
    await outbox.complete(Q, [message.lock_token for message in messages])
    documents.is_down = False
    await outbox.flush()

    assert len(await copies(documents)) == 1


async def test_what_is_abandoned_keeps_its_copy(outbox: CopiedOutbox, documents: MemoryDocuments) -> None:
    ids = put(outbox, 2)
    await outbox.flush()
    messages = await outbox.receive(Q, 2, lock_s=30)
    await outbox.abandon(Q, [message.lock_token for message in messages])

    assert await copies(documents) == ids


async def test_one_too_large_to_copy_is_on_disk_and_holds_up_nobody(
    outbox: CopiedOutbox, documents: MemoryDocuments
) -> None:
    outbox.publish(Q, "large", b"x" * (LARGEST + 1))
    ids = put(outbox, 2)
    await outbox.flush()

    assert await outbox.depth(Q) == 3
    assert await copies(documents) == ids


async def test_ids_and_bodies_of_any_kind_can_be_copied(outbox: CopiedOutbox, documents: MemoryDocuments) -> None:
    for id in ("a/b?c#d", "\ud800", "x" * 3000):
        outbox.publish(Q, id, b"\xff\x00")
    await outbox.flush()

    assert await copies(documents) == {"a/b?c#d", "\\ud800", "x" * 3000}


async def test_with_a_full_disk_the_store_is_enough(
    tmp_path: Path, documents: MemoryDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SmallDisk(monkeypatch)
    outbox = CopiedOutbox(LocalQueue(tmp_path / "outbox.db", FakeClock(), linger_s=0), documents, FakeClock())
    put(outbox, 1)
    await outbox.flush()
    disk.fill()
    outbox.publish(Q, "big", b"x" * 100_000)
    await outbox.flush()
    assert "big" in await copies(documents)

    documents.is_down = True
    outbox.publish(Q, "another", b"{}")
    with pytest.raises(StoreUnavailable):
        await outbox.flush()
    disk.free()
    await outbox.close()


class _Fleet:
    """Publishers on machines with a disk each, one broker and one store."""

    def __init__(self, peer: ServiceBusPeer, path: Path) -> None:
        self.peer, self._path = peer, path
        self.clock, self.documents = FakeClock(), MemoryDocuments()

    def publisher(self, machine: str) -> ServiceBusPublisher:
        local = LocalQueue(self._path / f"{machine}.db", SystemClock(), linger_s=0)
        return ServiceBusPublisher(
            self.peer.connection_string,
            CopiedOutbox(local, self.documents, self.clock),
            credential_factory=SharedKey,
            client_factory=client,
            patience_s=1,
            first_delay_s=0.05,
        )


@pytest.fixture
async def fleet(tmp_path: Path, no_leaks_into_other_tests: None) -> AsyncIterator[_Fleet]:
    try:
        async with service_bus_peer(Q) as peer:
            yield _Fleet(peer, tmp_path)
    except NpmMissing as reason:
        pytest.skip(str(reason))


async def test_what_a_machine_took_to_its_grave_another_sends(fleet: _Fleet) -> None:
    await fleet.peer.do("away")
    dying = fleet.publisher("dying")
    for n in range(30):
        dying.publish(Q, f"req_{n}", b"%d" % n)
    await dying.close()
    await fleet.peer.do("back")
    heir = fleet.publisher("heir")
    assert await republish(fleet.documents, heir, fleet.clock, Q) == 0
    fleet.clock.advance(16 * 60)

    assert await republish(fleet.documents, heir, fleet.clock, Q) == 30

    async def arrived() -> bool:
        return len(await fleet.peer.received(Q)) == 30

    await until(arrived)
    assert await copies(fleet.documents) == set()
    await heir.close()


async def test_while_the_broker_is_away_for_the_heir_too_nothing_is_lost(fleet: _Fleet) -> None:
    await fleet.peer.do("away")
    dying = fleet.publisher("dying")
    dying.publish(Q, "req_1", b"1")
    await dying.close()
    fleet.clock.advance(16 * 60)
    heir = fleet.publisher("heir")

    assert await republish(fleet.documents, heir, fleet.clock, Q) == 1

    assert await copies(fleet.documents) == {"req_1"}
    await fleet.peer.do("back")

    async def sent() -> bool:
        return await fleet.peer.received(Q) == {"req_1": b"1"} and await copies(fleet.documents) == set()

    await until(sent)
    await heir.close()


async def test_when_the_broker_is_back_the_machine_itself_sends_and_removes_its_copies(fleet: _Fleet) -> None:
    await fleet.peer.do("away")
    publisher = fleet.publisher("one")
    publisher.publish(Q, "req_1", b"1")
    await publisher.flush()
    assert await copies(fleet.documents) == {"req_1"}
    await fleet.peer.do("back")

    async def sent() -> bool:
        return await fleet.peer.received(Q) == {"req_1": b"1"} and await copies(fleet.documents) == set()

    await until(sent)
    await publisher.close()


async def test_what_no_queue_can_take_comes_to_where_people_look(
    outbox: CopiedOutbox, documents: MemoryDocuments
) -> None:
    outbox.publish(f"{Q}/dead-letter", "x" * 200, b'{"id": "odd"}')
    await outbox.flush()
    clock = FakeClock()
    clock.advance(3600)
    rejected = RejectedStore(documents, clock)

    assert await set_aside(documents, rejected, clock) == 1

    ((letter,), _) = await rejected.page()
    assert (letter.body, "cannot take it" in letter.reason) == (b'{"id": "odd"}', True)
    assert await copies(documents, f"{Q}|dead-letter") == set()


async def test_a_store_that_fails_midway_loses_nothing(outbox: CopiedOutbox, documents: MemoryDocuments) -> None:
    put(outbox, 5)
    await outbox.flush()
    clock, events = FakeClock(), MemoryEvents()
    clock.advance(3600)
    removing = documents.delete
    calls = 0

    async def failing(*arguments: str | None) -> bool:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise StoreUnavailable("down")
        return await removing(*arguments)  # type: ignore[arg-type]

    documents.delete = failing  # type: ignore[assignment, method-assign]
    with pytest.raises(StoreUnavailable):
        await republish(documents, events, clock, Q)
    await republish(documents, events, clock, Q)

    assert {event["id"] for event in events.events} == {f"req_{n}" for n in range(5)}
    assert len(events.events) == 5
    assert await copies(documents) == set()
