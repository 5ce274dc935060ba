"""The fakes keep the promises of the ports that they stand for."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.documents import (
    Condition,
    Create,
    Delete,
    DocumentExists,
    DocumentMissing,
    PreconditionFailed,
    Replace,
    StoreUnavailable,
    Upsert,
)
from tests.fakes import FakeClock, MemoryDocuments, MemoryEvents


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> MemoryDocuments:
    return MemoryDocuments(clock)


def test_the_clock_moves_only_when_told() -> None:
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC), monotonic=5)
    clock.advance(1.5)
    assert (clock.now(), clock.monotonic()) == (datetime(2026, 1, 1, 0, 0, 1, 500_000, UTC), 6.5)

    clock.set(clock.now() - timedelta(days=1))
    assert (clock.now().day, clock.monotonic()) == (31, 6.5)


async def test_a_document_belongs_to_its_container_and_partition(store: MemoryDocuments) -> None:
    body = {"id": "a", "list": [1]}
    await store.create("c", "p", body)
    body["list"].append(2)  # type: ignore[attr-defined]

    found = await store.get("c", "p", "a")
    assert found is not None
    assert found.body == {"id": "a", "list": [1]}
    assert await store.get("c", "q", "a") is None
    assert await store.get("d", "p", "a") is None
    with pytest.raises(DocumentExists):
        await store.create("c", "p", {"id": "a"})


async def test_only_the_version_that_was_read_is_replaced_or_deleted(store: MemoryDocuments) -> None:
    first = await store.create("c", "p", {"id": "a"})
    second = await store.replace("c", "p", {"id": "a", "n": 1}, first.etag)

    with pytest.raises(PreconditionFailed):
        await store.replace("c", "p", {"id": "a"}, first.etag)
    with pytest.raises(PreconditionFailed):
        await store.delete("c", "p", "a", first.etag)
    with pytest.raises(DocumentMissing):
        await store.replace("c", "p", {"id": "b"}, first.etag)
    assert await store.delete("c", "p", "a", second.etag)
    assert not await store.delete("c", "p", "a")


async def test_a_document_ends_with_its_time_to_live(store: MemoryDocuments, clock: FakeClock) -> None:
    await store.upsert("c", "p", {"id": "a"}, ttl_s=10)
    clock.advance(9.999)
    assert await store.get("c", "p", "a") is not None

    clock.advance(0.001)
    assert await store.get("c", "p", "a") is None
    assert (await store.query("c", "p")).documents == ()
    assert (await store.create("c", "p", {"id": "a"})).body == {"id": "a"}


async def test_an_increment_stops_at_its_ceiling(store: MemoryDocuments) -> None:
    before = await store.create("c", "p", {"id": "a"})

    assert await store.increment("c", "p", "a", "n", 3, ceiling=5) == 3
    assert await store.increment("c", "p", "a", "n", 2, ceiling=5) == 5
    with pytest.raises(PreconditionFailed):
        await store.increment("c", "p", "a", "n", 1, ceiling=5)
    with pytest.raises(PreconditionFailed):
        await store.replace("c", "p", {"id": "a"}, before.etag)
    with pytest.raises(DocumentMissing):
        await store.increment("c", "p", "b", "n", 1)
    assert await store.increment("c", "p", "a", "n", -5) == 0


async def test_a_batch_is_applied_whole_or_not_at_all(store: MemoryDocuments) -> None:
    kept = await store.create("c", "p", {"id": "kept"})

    with pytest.raises(DocumentExists):
        await store.batch("c", "p", [Upsert({"id": "a"}), Delete("kept"), Create({"id": "a"})])
    assert await store.get("c", "p", "a") is None
    with pytest.raises(DocumentMissing):
        await store.batch("c", "p", [Upsert({"id": "a"}), Delete("nobody")])

    done = await store.batch(
        "c", "p", [Create({"id": "a"}), Replace({"id": "kept", "n": 1}, kept.etag), Delete("a"), Upsert({"id": "b"})]
    )
    assert [document and document.body["id"] for document in done] == ["a", "kept", None, "b"]
    with pytest.raises(ValueError, match="100"):
        await store.batch("c", "p", [Upsert({"id": "x"})] * 101)


async def test_a_query_filters_orders_and_pages(store: MemoryDocuments) -> None:
    for number, kind in ((3, "x"), (1, "x"), (2, "y"), (1, "z")):
        await store.create("c", "p", {"id": f"{kind}{number}", "n": number, "kind": kind})
    await store.create("c", "other", {"id": "x9", "n": 9, "kind": "x"})

    first = await store.query("c", "p", order_by="n", limit=3)
    assert [document.body["id"] for document in first.documents] == ["x1", "z1", "y2"]
    rest = await store.query("c", "p", order_by="n", limit=3, cursor=first.cursor)
    assert [document.body["id"] for document in rest.documents] == ["x3"]
    assert rest.cursor is None
    where = [Condition("n", ">", 1), Condition("n", "<=", 3), Condition("kind", "=", "x")]
    assert [document.body["id"] for document in (await store.query("c", "p", where)).documents] == ["x3"]
    assert (await store.query("c", "p", [Condition("n", "=", "1"), Condition("absent", "<", 1)])).documents == ()
    backwards = await store.query("c", "p", order_by="n", descending=True)
    assert [document.body["n"] for document in backwards.documents] == [3, 2, 1, 1]


async def test_changes_come_once_in_their_latest_version(store: MemoryDocuments) -> None:
    await store.create("c", "p", {"id": "a"})
    await store.create("c", "q", {"id": "b"})
    await store.upsert("c", "p", {"id": "a", "n": 1})

    first = await store.changes("c", limit=1)
    assert [document.body for document in first.documents] == [{"id": "b"}]
    second = await store.changes("c", first.cursor)
    assert [document.body for document in second.documents] == [{"id": "a", "n": 1}]
    last = await store.changes("c", second.cursor)
    assert (last.documents, last.cursor) == ((), second.cursor)


async def test_while_it_is_down_nothing_is_known(store: MemoryDocuments) -> None:
    await store.create("c", "p", {"id": "a"})
    store.is_down = True
    with pytest.raises(StoreUnavailable):
        await store.get("c", "p", "a")
    with pytest.raises(StoreUnavailable):
        await store.batch("c", "p", [])

    store.is_down = False
    assert await store.get("c", "p", "a") is not None


async def test_an_event_is_published_once() -> None:
    events = MemoryEvents()
    for queue, message_id in (("q", "1"), ("q", "1"), ("r", "1"), ("q", "2")):
        events.publish(queue, message_id, b'{"n":1}')
    await events.flush()

    assert events.events == [{"n": 1}] * 3
