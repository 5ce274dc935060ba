import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from shared.adapters.sqlite_documents import SqliteDocuments
from shared.adapters.sqlite_query import write_cursor, write_query
from shared.clock import SystemClock
from shared.documents import Condition, Document, DocumentExists, DocumentStore, StoreUnavailable
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.adapters.children import kill_after
from tests.shared.adapters.disks import SmallDisk
from tests.shared.adapters.document_contract import C, DocumentStoreContract, P, ids


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "documents.db"


@pytest.fixture
async def sqlite(path: Path, clock: FakeClock) -> AsyncIterator[SqliteDocuments]:
    store = SqliteDocuments(path, clock, patience_s=0.05)
    yield store
    await store.close()


class TestSqliteDocuments(DocumentStoreContract):
    @pytest.fixture
    def store(self, sqlite: SqliteDocuments) -> DocumentStore:
        return sqlite


class TestMemoryDocuments(DocumentStoreContract):
    """The tests' own stand-in keeps the same promises."""

    @pytest.fixture
    def store(self, clock: FakeClock) -> DocumentStore:
        return MemoryDocuments(clock)


async def test_a_range_of_ids_is_read_from_the_index_and_nothing_is_sorted(sqlite: SqliteDocuments, path: Path) -> None:
    await sqlite.create(C, P, {"id": "a"})
    where = [Condition("id", ">=", "a"), Condition("id", "<", "b")]
    for order_by, cursor in ((None, None), ("id", None), ("id", write_cursor(0, "a"))):
        query = write_query(C, P, 0.0, where, order_by, False, 10, cursor)
        with closing(sqlite3.connect(path)) as db:
            (plan,) = db.execute(f"EXPLAIN QUERY PLAN {query.sql}", query.parameters).fetchall()
        assert "(container=? AND partition=? AND id>? AND id<?)" in plan[3]


def files(path: Path) -> set[Path]:
    return set(path.parent.glob("*"))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_nothing_is_touched_before_the_first_use(sqlite: SqliteDocuments, path: Path) -> None:
    assert files(path) == set()
    assert await sqlite.get(C, P, "a") is None
    assert path in files(path)


async def test_documents_outlive_the_process(path: Path, sqlite: SqliteDocuments, clock: FakeClock) -> None:
    document = await sqlite.create(C, P, {"id": "a"})
    await sqlite.close()
    again = SqliteDocuments(path, clock)

    assert await again.get(C, P, "a") == document
    await again.close()


async def test_two_stores_share_a_file(path: Path, sqlite: SqliteDocuments, clock: FakeClock) -> None:
    other = SqliteDocuments(path, clock)
    await asyncio.gather(
        *(store.create(C, P, {"id": f"{n}{i}"}) for n in range(20) for i, store in enumerate((sqlite, other)))
    )

    assert len((await other.query(C, P)).documents) == 40
    with pytest.raises(DocumentExists):
        await sqlite.create(C, P, {"id": "01"})
    await other.close()


async def test_closing_finishes_what_is_under_way(sqlite: SqliteDocuments, path: Path, clock: FakeClock) -> None:
    writes = [asyncio.create_task(sqlite.create(C, P, {"id": str(n)})) for n in range(300)]
    await asyncio.sleep(0)
    await sqlite.close()

    assert all(isinstance(outcome, Document) for outcome in await asyncio.gather(*writes))


async def test_a_closed_store_is_unavailable(sqlite: SqliteDocuments) -> None:
    await sqlite.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        await sqlite.create(C, P, {"id": "a"})
    with pytest.raises(StoreUnavailable, match="closed"):
        await sqlite.get(C, P, "a")


async def test_a_locked_file_is_unavailable_until_the_lock_is_gone(sqlite: SqliteDocuments, path: Path) -> None:
    await sqlite.create(C, P, {"id": "a"})
    with locked(path):
        with pytest.raises(StoreUnavailable, match="locked"):
            await sqlite.create(C, P, {"id": "b"})
        assert await sqlite.get(C, P, "a") is not None

    assert await sqlite.create(C, P, {"id": "b"}) is not None


async def test_a_path_that_cannot_be_written_is_unavailable(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "file").touch()
    store = SqliteDocuments(tmp_path / "file" / "documents.db", clock)

    with pytest.raises(StoreUnavailable):
        await store.create(C, P, {"id": "a"})
    with pytest.raises(StoreUnavailable):
        await store.get(C, P, "a")
    await store.close()


@pytest.fixture
def rubbish(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("something else " * 100)


@pytest.mark.usefixtures("rubbish")
async def test_a_file_that_is_not_a_database_is_unavailable(sqlite: SqliteDocuments) -> None:
    with pytest.raises(StoreUnavailable, match="not a database"):
        await sqlite.create(C, P, {"id": "a"})


async def test_a_full_disk_refuses_what_does_not_fit_and_takes_the_rest(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SmallDisk(monkeypatch)
    store = SqliteDocuments(path, clock)
    await store.create(C, P, {"id": "before"})
    disk.fill(spare_pages=4)
    sizes = [10, 100_000, 10, 100_000, 10]
    outcomes = await asyncio.gather(
        *(store.create(C, P, {"id": str(n), "text": "x" * size}) for n, size in enumerate(sizes)),
        return_exceptions=True,
    )

    assert [isinstance(outcome, Document) for outcome in outcomes] == [True, False, True, False, True]
    assert {type(outcome) for outcome in outcomes if not isinstance(outcome, Document)} == {StoreUnavailable}
    disk.free()
    assert await store.create(C, P, {"id": "1", "text": "x" * 100_000}) is not None
    assert ids(await store.query(C, P)) == ["0", "1", "2", "4", "before"]
    await store.close()


async def test_a_failing_operation_does_not_spoil_the_others_of_its_group(sqlite: SqliteDocuments) -> None:
    await sqlite.create(C, P, {"id": "taken"})
    outcomes = await asyncio.gather(
        *(sqlite.create(C, P, {"id": id}) for id in ("a", "taken", "b")),
        sqlite.create(C, P, {"id": "c", "text": object()}),
        sqlite.create(C, P, {"id": "d"}),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes] == [Document, DocumentExists, Document, TypeError, Document]
    assert ids(await sqlite.query(C, P)) == ["a", "b", "d", "taken"]


@pytest.mark.parametrize("field", ["a.b", "a'b", 'a"b', "a b", "", "1a", "$", "a[0]", "é"])
async def test_odd_field_names_are_refused(sqlite: SqliteDocuments, field: str) -> None:
    with pytest.raises(ValueError, match="field"):
        await sqlite.query(C, P, [Condition(field, "=", 1)])
    with pytest.raises(ValueError, match="field"):
        await sqlite.query(C, P, order_by=field)


@pytest.mark.parametrize("cursor", ["", "x", "bm90IGpzb24=", "e30="])
async def test_a_cursor_of_someone_else_is_refused(sqlite: SqliteDocuments, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        await sqlite.query(C, P, cursor=cursor)


@pytest.mark.parametrize("document", [{}, {"id": ""}, {"id": 7}])
async def test_a_document_needs_an_id(sqlite: SqliteDocuments, document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="id"):
        await sqlite.create(C, P, document)


async def test_only_integers_are_incremented(sqlite: SqliteDocuments) -> None:
    await sqlite.create(C, P, {"id": "a", "n": 1.5})

    with pytest.raises(ValueError, match="not an integer"):
        await sqlite.increment(C, P, "a", "n", 1)


async def test_a_time_to_live_counts_from_the_last_write(sqlite: SqliteDocuments, clock: FakeClock) -> None:
    await sqlite.create(C, P, {"id": "a"}, ttl_s=60)
    clock.advance(40)
    await sqlite.increment(C, P, "a", "n", 1)
    clock.advance(40)

    assert await sqlite.increment(C, P, "a", "n", 1) == 2


async def test_what_is_over_leaves_the_file(sqlite: SqliteDocuments, path: Path, clock: FakeClock) -> None:
    await sqlite.create(C, P, {"id": "a"}, ttl_s=60)
    clock.advance(61)
    await sqlite.create(C, P, {"id": "b"})

    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT id FROM documents").fetchall() == [("b",)]


_WRITER = """
import asyncio, sys
from pathlib import Path
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.adapters.sqlite_query import write_cursor, write_query
from shared.clock import SystemClock

async def write(store, worker):
    for n in range(10_000):
        await store.create("things", "team-a", {"id": f"{worker}-{n}"})
        await store.increment("things", "count", "count", "n", 1)
        print(f"{worker}-{n}", flush=True)

async def main():
    store = SqliteDocuments(Path(sys.argv[1]), SystemClock())
    await store.upsert("things", "count", {"id": "count"})
    await asyncio.gather(*(write(store, worker) for worker in range(8)))

asyncio.run(main())
"""


async def test_what_was_acknowledged_survives_kill_9(path: Path) -> None:
    acknowledged = await kill_after(200, _WRITER, str(path))
    store = SqliteDocuments(path, SystemClock())
    found = set(ids(await store.query(C, P, limit=100_000)))
    count = await store.get(C, "count", "count")
    await store.close()

    assert set(acknowledged) <= found
    assert count is not None
    assert len(acknowledged) <= int(str(count.body["n"])) <= len(found)
