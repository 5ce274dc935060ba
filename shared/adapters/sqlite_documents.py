"""The document store on one machine: durable JSON documents in a SQLite file."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from shared.adapters.group_commit import SqliteFile
from shared.adapters.sqlite_partition import MIGRATIONS, Partition, document_of, last_lsn, purge_expired
from shared.adapters.sqlite_query import write_cursor, write_query
from shared.clock import Clock
from shared.documents import Condition, Document, Json, Operation, Page

_BATCH = 100
_PURGE_EVERY_S = 60.0


class SqliteDocuments:
    """A DocumentStore in one file, which several processes may share."""

    def __init__(self, path: Path, clock: Clock, patience_s: float = 5.0) -> None:
        self._file = SqliteFile(path, MIGRATIONS, patience_s)
        self._clock = clock
        self._purge_at = 0.0

    async def get(self, container: str, partition: str, id: str) -> Document | None:
        return await self._file.read(lambda db: Partition(db, container, partition, self._now()).get(id))

    async def create(self, container: str, partition: str, document: Json, ttl_s: int | None = None) -> Document:
        return await self._write(container, partition, lambda rows: rows.create(document, ttl_s))

    async def upsert(self, container: str, partition: str, document: Json, ttl_s: int | None = None) -> Document:
        return await self._write(container, partition, lambda rows: rows.put(document, ttl_s))

    async def replace(
        self, container: str, partition: str, document: Json, if_match: str, ttl_s: int | None = None
    ) -> Document:
        return await self._write(container, partition, lambda rows: rows.replace(document, if_match, ttl_s))

    async def delete(self, container: str, partition: str, id: str, if_match: str | None = None) -> bool:
        return await self._write(container, partition, lambda rows: rows.delete(id, if_match))

    async def increment(
        self, container: str, partition: str, id: str, field: str, by: int, ceiling: int | None = None
    ) -> int:
        return await self._write(container, partition, lambda rows: rows.increment(id, field, by, ceiling))

    async def batch(
        self, container: str, partition: str, operations: Sequence[Operation]
    ) -> tuple[Document | None, ...]:
        if len(operations) > _BATCH:
            raise ValueError(f"a batch has at most {_BATCH} operations")
        return await self._write(
            container, partition, lambda rows: tuple(rows.apply(operation) for operation in operations)
        )

    async def query(
        self,
        container: str,
        partition: str,
        where: Sequence[Condition] = (),
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        """Documents without the `order_by` field come first; `descending` turns the whole order round, ids included."""
        query = write_query(container, partition, self._now(), where, order_by, descending, limit, cursor)
        rows = await self._file.read(lambda db: db.execute(query.sql, query.parameters).fetchall())
        last = rows[limit - 1] if len(rows) > limit else None
        documents = tuple(document_of(lsn, body) for lsn, body, _, _ in rows[:limit])
        return Page(documents, write_cursor(last[2], last[3]) if last else None)

    async def changes(self, container: str, cursor: str | None = None, limit: int = 100) -> Page:
        since = int(cursor or 0)
        rows = await self._file.read(
            lambda db: db.execute(
                "SELECT lsn, body FROM documents WHERE container = ? AND lsn > ?"
                " AND (expires_at IS NULL OR expires_at > ?) ORDER BY lsn LIMIT ?",
                (container, since, self._now(), limit),
            ).fetchall()
        )
        return Page(tuple(document_of(*row) for row in rows), str(rows[-1][0] if rows else since))

    async def tip(self, container: str) -> str:
        return str(await self._file.read(last_lsn))

    async def close(self) -> None:
        await self._file.close()

    async def _write[T](self, container: str, partition: str, work: Callable[[Partition], T]) -> T:
        def run(db: sqlite3.Connection) -> T:
            now = self._now()
            if now >= self._purge_at:
                self._purge_at = now + _PURGE_EVERY_S
                purge_expired(db, now)
            return work(Partition(db, container, partition, now))

        return await self._file.write(run)

    def _now(self) -> float:
        return self._clock.now().timestamp()
