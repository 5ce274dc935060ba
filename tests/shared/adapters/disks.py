"""A disk that is full when a test says so."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared.adapters import group_commit
from shared.adapters.sqlite_connection import Migration, open_database


class SmallDisk:
    """Limits every database that is opened while it is in place."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._databases: list[sqlite3.Connection] = []
        monkeypatch.setattr(group_commit, "open_database", self._open)

    def fill(self, spare_pages: int = 0) -> None:
        for database in self._databases:
            (used,) = database.execute("PRAGMA page_count").fetchone()
            database.execute(f"PRAGMA max_page_count={used + spare_pages}")

    def free(self) -> None:
        for database in self._databases:
            database.execute("PRAGMA max_page_count=1000000")

    def _open(self, path: Path, migrations: Sequence[Migration], patience_s: float) -> sqlite3.Connection:
        self._databases.append(open_database(path, migrations, patience_s))
        return self._databases[-1]
