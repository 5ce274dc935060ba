"""Durable queues in a SQLite file, with locks, delivery counts and a dead-letter queue, for one machine and as an outbox."""

import secrets
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from shared.adapters.group_commit import SqliteFile
from shared.adapters.spool import Outgoing, Spool
from shared.adapters.sqlite_connection import Migration
from shared.clock import Clock
from shared.queues import Message

DEAD_LETTER = "/dead-letter"
SPILL_S = 5.0
_REMEMBER_S = 600.0
_FORGET_EVERY_S = 60.0

MIGRATIONS: tuple[Migration, ...] = (
    (
        """CREATE TABLE messages (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            queue TEXT NOT NULL,
            id TEXT NOT NULL,
            body BLOB NOT NULL,
            enqueued_at REAL NOT NULL,
            visible_at REAL NOT NULL,
            delivery_count INTEGER NOT NULL DEFAULT 0,
            receipt TEXT,
            dead_letter_reason TEXT
        )""",
        "CREATE INDEX messages_by_queue ON messages (queue)",
        "CREATE TABLE seen (queue TEXT NOT NULL, id TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (queue, id)) WITHOUT ROWID",
        "CREATE INDEX seen_by_time ON seen (at)",
    ),
)


class LocalQueue:
    """An EventPublisher and a QueueReceiver; publisher and receiver may be two instances in two processes on one file.

    A message's lock ends when someone else receives it; until then a late `complete` still counts.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        linger_s: float = 0.005,
        capacity: int = 100_000,
        patience_s: float = 5.0,
    ) -> None:
        self._clock = clock
        self._file = SqliteFile(path, MIGRATIONS, patience_s)
        self._spool = Spool(self._store, clock, linger_s, capacity)
        self._forget_at = 0.0

    def publish(self, queue: str, message_id: str, body: bytes) -> None:
        self._spool.put((queue, message_id, body))

    async def flush(self) -> None:
        """Raises StoreUnavailable when the file cannot be written; the messages are kept and tried again."""
        await self._spool.flush()

    def spill(self) -> None:
        self._spool.flush_now(SPILL_S)

    async def close(self) -> None:
        await self._spool.close()
        await self._file.close()

    async def receive(self, queue: str, max_messages: int, lock_s: float) -> Sequence[Message]:
        now, receipt = self._now(), secrets.token_hex(8)
        rows = await self._file.write(
            lambda db: db.execute(
                "UPDATE messages SET delivery_count = delivery_count + 1, receipt = ?, visible_at = ?"
                " WHERE sequence IN (SELECT sequence FROM messages WHERE queue = ? AND visible_at <= ?"
                " ORDER BY sequence LIMIT ?)"
                " RETURNING sequence, id, body, delivery_count, enqueued_at, dead_letter_reason",
                (receipt, now + lock_s, queue, now, max_messages),
            ).fetchall()
        )
        return [_message(row, receipt) for row in sorted(rows)]

    async def complete(self, queue: str, lock_tokens: Sequence[str]) -> None:
        await self._settle("DELETE FROM messages WHERE queue = ? AND sequence = ? AND receipt = ?", queue, lock_tokens)

    async def abandon(self, queue: str, lock_tokens: Sequence[str], delay_s: float = 0.0) -> None:
        await self._settle(
            "UPDATE messages SET visible_at = ?, receipt = NULL WHERE queue = ? AND sequence = ? AND receipt = ?",
            queue,
            lock_tokens,
            self._now() + delay_s,
        )

    async def dead_letter(self, queue: str, lock_tokens: Sequence[str], reason: str) -> None:
        await self._settle(
            "UPDATE messages SET queue = ?, dead_letter_reason = ?, visible_at = ?, receipt = NULL, delivery_count = 0"
            " WHERE queue = ? AND sequence = ? AND receipt = ?",
            queue,
            lock_tokens,
            queue + DEAD_LETTER,
            reason,
            self._now(),
        )

    async def depth(self, queue: str) -> int:
        rows = await self._file.read(
            lambda db: db.execute("SELECT count(*) FROM messages WHERE queue = ?", (queue,)).fetchone()
        )
        return int(rows[0])

    async def _settle(self, sql: str, queue: str, lock_tokens: Sequence[str], *changes: str | float) -> None:
        locks = [lock_token.split(":", 1) for lock_token in lock_tokens]
        rows = [(*changes, queue, int(sequence), receipt) for sequence, receipt in locks]
        await self._file.write(lambda db: db.executemany(sql, rows).rowcount)

    def _store(self, messages: Sequence[Outgoing]) -> None:
        self._file.submit(lambda db: self._insert(db, messages)).result()

    def _insert(self, db: sqlite3.Connection, messages: Sequence[Outgoing]) -> None:
        now = self._now()
        if now >= self._forget_at:
            self._forget_at = now + _FORGET_EVERY_S
            db.execute("DELETE FROM seen WHERE at <= ?", (now - _REMEMBER_S,))
        for queue, id, body in messages:
            # A lone surrogate would be refused by SQLite, and the whole group with it, for ever.
            key = (_storable(queue), _storable(id))
            if _is_new(db, *key, now):
                db.execute(
                    "INSERT INTO messages (queue, id, body, enqueued_at, visible_at) VALUES (?, ?, ?, ?, ?)",
                    (*key, body, now, now),
                )

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _is_new(db: sqlite3.Connection, queue: str, id: str, now: float) -> bool:
    """Remember the id, unless the queue has seen it in the last ten minutes."""
    return (
        db.execute(
            "INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at WHERE at <= ?",
            (queue, id, now, now - _REMEMBER_S),
        ).rowcount
        > 0
    )


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _message(row: tuple[int, str, bytes, int, float, str | None], receipt: str) -> Message:
    sequence, id, body, delivery_count, enqueued_at, reason = row
    return Message(
        id=id,
        body=body,
        delivery_count=delivery_count,
        sequence_number=sequence,
        enqueued_at=datetime.fromtimestamp(enqueued_at, UTC),
        lock_token=f"{sequence}:{receipt}",
        dead_letter_reason=reason,
    )
