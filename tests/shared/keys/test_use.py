import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.documents import DocumentStore, StoreUnavailable
from shared.keys.use import CONTAINER, KeyUseStore, LastUse
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.watched_documents import Meddled, Watched, port

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def documents(clock: FakeClock) -> MemoryDocuments:
    return MemoryDocuments(clock)


@pytest.fixture
def store(documents: MemoryDocuments) -> KeyUseStore:
    return KeyUseStore(documents)


def last_use(documents: DocumentStore, clock: FakeClock) -> LastUse:
    return LastUse(KeyUseStore(documents), clock)


async def test_a_key_that_was_never_used_has_no_last_use(store: KeyUseStore) -> None:
    assert await store.last_used("vk_a") is None


async def test_the_last_use_is_kept_by_key(store: KeyUseStore, documents: MemoryDocuments) -> None:
    await store.note("vk_a", at(0))
    await store.note("vk_b", at(5))

    assert (await store.last_used("vk_a"), await store.last_used("vk_b")) == (at(0), at(5))
    document = await documents.get(CONTAINER, "vk_a", "vk_a")
    assert document is not None
    assert document.body == {"schema": 1, "id": "vk_a", "last_used_at": "2026-11-21T12:00:00+00:00"}


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=10))
async def test_in_whatever_order_uses_are_noted_the_latest_stays(offsets: list[int]) -> None:
    store = KeyUseStore(MemoryDocuments())
    for offset in offsets:
        await store.note("vk_a", at(offset))

    assert await store.last_used("vk_a") == at(max(offsets))


@pytest.mark.parametrize("other", [-10, 10, 30])
@pytest.mark.parametrize("is_first", [False, True])
async def test_two_instances_that_note_at_once_leave_the_latest(
    store: KeyUseStore, documents: MemoryDocuments, other: float, is_first: bool
) -> None:
    if not is_first:
        await store.note("vk_a", at(-60))
    meddled = KeyUseStore(port(Meddled(documents, 2, lambda: store.note("vk_a", at(other)))))
    await meddled.note("vk_a", at(20))

    assert await store.last_used("vk_a") == at(max(other, 20))


async def test_a_document_that_vanishes_meanwhile_is_written_anew(
    store: KeyUseStore, documents: MemoryDocuments
) -> None:
    await store.note("vk_a", at(0))
    meddled = KeyUseStore(port(Meddled(documents, 2, lambda: documents.delete(CONTAINER, "vk_a", "vk_a"))))
    await meddled.note("vk_a", at(20))

    assert await store.last_used("vk_a") == at(20)


async def test_of_one_batch_the_latest_use_of_each_key_is_written_once(
    documents: MemoryDocuments, store: KeyUseStore, clock: FakeClock
) -> None:
    watched = Watched(documents)
    await last_use(port(watched), clock).note([("vk_a", at(1)), ("vk_b", at(2)), ("vk_a", at(9)), ("vk_a", at(5))])

    assert (await store.last_used("vk_a"), await store.last_used("vk_b")) == (at(9), at(2))
    assert watched.calls.count("create") == 2


async def test_a_key_is_written_at_most_once_a_minute(
    documents: MemoryDocuments, store: KeyUseStore, clock: FakeClock
) -> None:
    watched = Watched(documents)
    uses = last_use(port(watched), clock)
    for second in range(150):
        await uses.note([("vk_a", at(second))])
        clock.advance(1)

    assert watched.calls.count("create") + watched.calls.count("replace") == 3
    assert await store.last_used("vk_a") == at(120)


async def test_batches_at_once_write_a_key_once(documents: MemoryDocuments, clock: FakeClock) -> None:
    watched = Watched(documents)
    uses = last_use(port(watched), clock)
    await asyncio.gather(*(uses.note([("vk_a", at(n))]) for n in range(20)))

    assert watched.calls == ["get", "create"]


async def test_what_came_within_the_minute_is_written_with_the_next_use_of_any_key(
    documents: MemoryDocuments, store: KeyUseStore, clock: FakeClock
) -> None:
    uses = last_use(documents, clock)
    await uses.note([("vk_a", at(0))])
    await uses.note([("vk_a", at(3600))])
    assert await store.last_used("vk_a") == at(0)
    clock.advance(60)
    await uses.note([("vk_b", at(0))])

    assert await store.last_used("vk_a") == at(3600)


async def test_an_earlier_use_than_the_written_one_changes_nothing(
    documents: MemoryDocuments, store: KeyUseStore, clock: FakeClock
) -> None:
    uses = last_use(documents, clock)
    await uses.note([("vk_a", at(100))])
    clock.advance(60)
    await uses.note([("vk_a", at(50))])

    assert await store.last_used("vk_a") == at(100)


async def test_what_the_store_does_not_take_is_noted_later(
    documents: MemoryDocuments, store: KeyUseStore, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    uses = last_use(documents, clock)
    documents.is_down = True
    await uses.note([("vk_a", at(0)), ("vk_b", at(1))])
    documents.is_down = False
    assert "The last use of 2 keys could not be noted yet" in caplog.text
    await uses.note([("vk_a", at(2))])
    assert await store.last_used("vk_a") is None
    clock.advance(60)
    await uses.note([])

    assert (await store.last_used("vk_a"), await store.last_used("vk_b")) == (at(2), at(1))


async def test_a_later_use_is_not_replaced_by_one_that_is_tried_again(
    documents: MemoryDocuments, store: KeyUseStore, clock: FakeClock
) -> None:
    """The store fails while a later batch comes in."""
    uses: LastUse

    async def fail() -> None:
        await uses.note([("vk_a", at(9))])
        raise StoreUnavailable

    uses = last_use(port(Meddled(documents, 1, fail)), clock)
    await uses.note([("vk_a", at(5))])
    clock.advance(60)
    await uses.note([])

    assert await store.last_used("vk_a") == at(9)
