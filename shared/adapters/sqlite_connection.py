"""Opens a SQLite file in the one way this project uses it: write-ahead log, full sync, for its owner alone, with the newest schema."""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

RETRY_S = 0.01

type Migration = tuple[str, ...]


def open_database(path: Path, migrations: Sequence[Migration], patience_s: float) -> sqlite3.Connection:
    """Connect, waiting up to `patience_s` for other processes. Raises OSError and sqlite3.Error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # For its owner alone; SQLite gives the log and the index beside it the same mode.
    path.touch(mode=0o600)
    db = sqlite3.connect(path, timeout=patience_s, isolation_level=None, check_same_thread=False)
    try:
        _use_write_ahead_log(db, patience_s)
        db.execute("PRAGMA synchronous=FULL")
        _migrate(db, migrations)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _use_write_ahead_log(db: sqlite3.Connection, patience_s: float) -> None:
    """SQLite does not wait for a lock where two switch a new file at once: one of them has to come again."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_S)
        else:
            return


def _migrate(db: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    """Run the migrations that this file has not seen; `user_version` counts those it has."""
    if _version(db) == len(migrations):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        _run_from(db, _version(db), migrations)
    except sqlite3.Error:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _run_from(db: sqlite3.Connection, version: int, migrations: Sequence[Migration]) -> None:
    if version > len(migrations):
        raise sqlite3.DatabaseError(
            f"the file has schema {version}, newer than {len(migrations)} which this program knows"
        )
    for migration in migrations[version:]:
        for statement in migration:
            db.execute(statement)
    db.execute(f"PRAGMA user_version={len(migrations)}")


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
