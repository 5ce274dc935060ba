"""What can be done to the documents of one partition inside a SQLite transaction."""

import sqlite3
from typing import Any

import orjson

from shared.adapters.sqlite_connection import Migration
from shared.documents import (
    Create,
    Delete,
    Document,
    DocumentExists,
    DocumentMissing,
    Json,
    Operation,
    PreconditionFailed,
    Replace,
    Upsert,
)

MIGRATIONS: tuple[Migration, ...] = (
    (
        """CREATE TABLE documents (
            lsn INTEGER PRIMARY KEY AUTOINCREMENT,
            container TEXT NOT NULL,
            partition TEXT NOT NULL,
            id TEXT NOT NULL,
            body TEXT NOT NULL,
            ttl_s INTEGER,
            expires_at REAL,
            UNIQUE (container, partition, id)
        )""",
        "CREATE INDEX documents_by_container ON documents (container)",
        "CREATE INDEX documents_by_expiry ON documents (expires_at) WHERE expires_at IS NOT NULL",
    ),
)


class Partition:
    """Every write gives the row a new `lsn`: the change feed's order, and the document's ETag.

    A time to live counts from the last write, an increment included, as it does in Cosmos DB.
    """

    def __init__(self, db: sqlite3.Connection, container: str, name: str, now: float) -> None:
        self._db, self._container, self._name, self._now = db, container, name, now

    def get(self, id: str) -> Document | None:
        row = self._row(id)
        return document_of(row[0], row[1]) if row else None

    def apply(self, operation: Operation) -> Document | None:
        match operation:
            case Create(document, ttl_s):
                return self.create(document, ttl_s)
            case Upsert(document, ttl_s):
                return self.put(document, ttl_s)
            case Replace(document, if_match, ttl_s):
                return self.replace(document, if_match, ttl_s)
            case Delete(id, if_match):
                self._existing(id)
                self.delete(id, if_match)
                return None

    def create(self, document: Json, ttl_s: int | None) -> Document:
        if self._row(_id_of(document)):
            raise DocumentExists(_id_of(document))
        return self.put(document, ttl_s)

    def replace(self, document: Json, if_match: str, ttl_s: int | None) -> Document:
        self._check(self._existing(_id_of(document))[0], if_match)
        return self.put(document, ttl_s)

    def put(self, document: Json, ttl_s: int | None) -> Document:
        body = orjson.dumps(document, default=dict).decode()
        expires_at = None if ttl_s is None else self._now + ttl_s
        row = (self._container, self._name, _id_of(document), body, ttl_s, expires_at)
        # Not RETURNING, which takes as long again as the insert itself.
        done = self._db.execute(
            "INSERT OR REPLACE INTO documents (container, partition, id, body, ttl_s, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            row,
        )
        assert done.lastrowid is not None
        return document_of(done.lastrowid, body)

    def delete(self, id: str, if_match: str | None) -> bool:
        row = self._row(id)
        if row is None:
            return False
        if if_match is not None:
            self._check(row[0], if_match)
        self._db.execute("DELETE FROM documents WHERE lsn = ?", (row[0],))
        return True

    def increment(self, id: str, field: str, by: int, ceiling: int | None) -> int:
        _, body, ttl_s = self._existing(id)
        document = orjson.loads(body)
        value = document.get(field, 0)
        if type(value) is not int:
            raise ValueError(f"{field!r} of {id!r} is not an integer")
        if ceiling is not None and value + by > ceiling:
            raise PreconditionFailed(f"{field!r} of {id!r} would pass {ceiling}")
        self.put({**document, field: value + by}, ttl_s)
        return int(value + by)

    def _existing(self, id: str) -> tuple[int, str, int | None]:
        row = self._row(id)
        if row is None:
            raise DocumentMissing(id)
        return row

    def _row(self, id: str) -> tuple[int, str, int | None] | None:
        row: tuple[int, str, int | None] | None = self._db.execute(
            "SELECT lsn, body, ttl_s FROM documents WHERE container = ? AND partition = ? AND id = ?"
            " AND (expires_at IS NULL OR expires_at > ?)",
            (self._container, self._name, id, self._now),
        ).fetchone()
        return row

    @staticmethod
    def _check(lsn: int, if_match: str) -> None:
        if str(lsn) != if_match:
            raise PreconditionFailed(f"the document is at {lsn}, not at {if_match}")


def document_of(lsn: int, body: str) -> Document:
    return Document(orjson.loads(body), str(lsn))


def last_lsn(db: sqlite3.Connection) -> int:
    """Return the highest lsn given so far in the file, whether or not its row is still there."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'documents'").fetchone()
    return int(row[0]) if row else 0


def purge_expired(db: sqlite3.Connection, now: float, at_most: int = 500) -> None:
    """Delete in small steps: a long transaction would keep every other write waiting."""
    db.execute(
        "DELETE FROM documents WHERE lsn IN (SELECT lsn FROM documents WHERE expires_at <= ? LIMIT ?)", (now, at_most)
    )


def _id_of(document: Json) -> str:
    id: Any = document.get("id")
    if not isinstance(id, str) or not id:
        raise ValueError("a document needs a string `id`")
    return id
