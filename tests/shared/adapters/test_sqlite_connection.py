"""What is in the files of a machine is for who owns them."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.adapters.sqlite_connection import open_database

SCHEMA = (("CREATE TABLE words (word TEXT)",),)


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


@pytest.mark.usefixtures("usual_umask")
def test_nobody_else_can_read_what_is_stored(tmp_path: Path) -> None:
    db = open_database(tmp_path / "words.db", SCHEMA, 1)
    db.execute("INSERT INTO words VALUES ('one')")

    assert modes(tmp_path) == {"words.db": 0o600, "words.db-wal": 0o600, "words.db-shm": 0o600}
    db.close()


def test_what_was_stored_is_there_again(tmp_path: Path) -> None:
    first = open_database(tmp_path / "words.db", SCHEMA, 1)
    first.execute("INSERT INTO words VALUES ('one')")
    first.close()

    again = open_database(tmp_path / "words.db", SCHEMA, 1)
    assert again.execute("SELECT word FROM words").fetchall() == [("one",)]
    again.close()
