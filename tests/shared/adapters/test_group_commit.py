import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from shared.adapters.group_commit import SqliteFile
from shared.documents import StoreUnavailable

FIRST = ("CREATE TABLE notes (text TEXT)",)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes.db"


@pytest.fixture
async def file(path: Path) -> AsyncIterator[SqliteFile]:
    file = SqliteFile(path, [FIRST])
    yield file
    await file.close()


def note(text: str) -> Callable[[sqlite3.Connection], int]:
    return lambda db: db.execute("INSERT INTO notes VALUES (?)", (text,)).rowcount


def notes(db: sqlite3.Connection) -> list[str]:
    return [text for (text,) in db.execute("SELECT text FROM notes")]


async def test_writes_that_wait_together_are_committed_together(file: SqliteFile, path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(db: sqlite3.Connection) -> None:
        begun.set()
        go_on.wait()

    def changes_seen_by_others(db: sqlite3.Connection) -> int:
        with closing(sqlite3.connect(path)) as other:
            return len(notes(other))

    first = asyncio.create_task(file.write(slow))
    await asyncio.to_thread(begun.wait)
    rest = [file.submit(note(str(n))) for n in range(10)]
    within = file.submit(changes_seen_by_others)
    after_all = file.submit(note("last"))
    go_on.set()
    await asyncio.gather(first, *map(asyncio.wrap_future, [*rest, within, after_all]))

    assert within.result() == 0
    assert len(await file.read(notes)) == 11


async def test_every_kind_of_failure_reaches_the_one_who_asked(file: SqliteFile) -> None:
    class Unforeseen(Exception):
        pass

    def fail(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO notes VALUES ('half')")
        raise Unforeseen

    with pytest.raises(Unforeseen):
        await file.write(fail)
    with pytest.raises(StoreUnavailable, match="no such table"):
        await file.write(lambda db: db.execute("DELETE FROM missing"))
    await file.write(note("whole"))

    assert await file.read(notes) == ["whole"]


async def test_readers_cannot_write(file: SqliteFile) -> None:
    with pytest.raises(StoreUnavailable, match="readonly"):
        await file.read(note("a"))


async def test_callers_on_different_loops_are_answered_on_their_own(file: SqliteFile) -> None:
    def elsewhere() -> int:
        return asyncio.run(_write_here(file))

    counts = await asyncio.gather(*(asyncio.to_thread(elsewhere) for _ in range(4)), file.write(note("here")))

    assert counts == [1] * 5


async def _write_here(file: SqliteFile) -> int:
    return await file.write(note("elsewhere"))


async def test_a_caller_who_has_gone_away_disturbs_nobody(file: SqliteFile) -> None:
    await file.write(note("first"))
    writes = [asyncio.create_task(file.write(note(str(n)))) for n in range(20)]
    await asyncio.sleep(0)
    for write in writes[::2]:
        write.cancel()
    outcomes = await asyncio.gather(*writes, return_exceptions=True)

    assert outcomes[1::2] == [1] * 10
    assert await file.write(note("last")) == 1


async def test_migrations_run_once_and_in_order(path: Path) -> None:
    second = (
        "ALTER TABLE notes ADD COLUMN mark TEXT DEFAULT 'old'",
        "INSERT INTO notes (text) VALUES ('from the second')",
    )
    for migrations in ([FIRST], [FIRST], [FIRST, second], [FIRST, second]):
        file = SqliteFile(path, migrations)
        if migrations == [FIRST]:
            await file.write(note("a"))
        else:
            await file.read(notes)
        await file.close()

    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
        assert db.execute("SELECT * FROM notes").fetchall() == [("a", "old"), ("a", "old"), ("from the second", "old")]


async def test_a_failing_migration_leaves_the_file_as_it_was(path: Path) -> None:
    broken = SqliteFile(path, [FIRST, ("CREATE TABLE more (n)", "NOT SQL")])
    with pytest.raises(StoreUnavailable):
        await broken.write(note("a"))
    await broken.close()

    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == []


async def test_a_file_of_a_newer_program_is_left_alone(path: Path, file: SqliteFile) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version=7")

    with pytest.raises(StoreUnavailable, match="newer"):
        await file.write(note("a"))


async def test_many_who_open_a_new_file_at_once_agree(path: Path) -> None:
    files = [SqliteFile(path, [FIRST]) for _ in range(8)]
    assert await asyncio.gather(*(file.write(note("a")) for file in files)) == [1] * 8
    assert len(await files[0].read(notes)) == 8
    for file in files:
        await file.close()
