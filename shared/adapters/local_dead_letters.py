"""The dead letters of the queues in a SQLite file: what leaves them and what comes back is one transaction."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from shared.adapters.group_commit import SqliteFile
from shared.adapters.local_queue import DEAD_LETTER, MIGRATIONS
from shared.clock import Clock
from shared.queues import DeadLetter, DeadLetterMissing, replayed_id

_COLUMNS = "sequence, id, body, dead_letter_reason, enqueued_at"

type _Row = tuple[int, str, bytes, str | None, float]


class LocalDeadLetters:
    """A DeadLetters on the file of a LocalQueue, in the same process or another."""

    def __init__(self, path: Path, clock: Clock, *, patience_s: float = 5.0) -> None:
        self._clock = clock
        self._file = SqliteFile(path, MIGRATIONS, patience_s)

    async def page(self, queue: str, limit: int, cursor: str | None = None) -> tuple[Sequence[DeadLetter], str | None]:
        rows = await self._file.read(
            lambda db: db.execute(
                f"SELECT {_COLUMNS} FROM messages WHERE queue = ? AND sequence > ? ORDER BY sequence LIMIT ?",
                (queue + DEAD_LETTER, _number(cursor or "0"), limit),
            ).fetchall()
        )
        letters = [_letter(row) for row in rows]
        return letters, letters[-1].id if len(letters) == limit else None

    async def get(self, queue: str, id: str) -> DeadLetter | None:
        row = await self._file.read(lambda db: _find(db, queue, id))
        return _letter(row) if row else None

    async def replay(self, queue: str, id: str, body: bytes | None = None) -> None:
        now = self._clock.now().timestamp()

        def move(db: sqlite3.Connection) -> None:
            letter = _letter(_taken(db, queue, id))
            content = letter.body if body is None else body
            db.execute(
                "INSERT INTO messages (queue, id, body, enqueued_at, visible_at) VALUES (?, ?, ?, ?, ?)",
                (queue, replayed_id(id, content), content, now, now),
            )

        await self._file.write(move)

    async def discard(self, queue: str, id: str) -> None:
        await self._file.write(lambda db: _taken(db, queue, id))

    async def close(self) -> None:
        await self._file.close()


def _find(db: sqlite3.Connection, queue: str, id: str) -> _Row | None:
    row: _Row | None = db.execute(
        f"SELECT {_COLUMNS} FROM messages WHERE queue = ? AND sequence = ?", (queue + DEAD_LETTER, _number(id))
    ).fetchone()
    return row


def _taken(db: sqlite3.Connection, queue: str, id: str) -> _Row:
    row = _find(db, queue, id)
    if row is None:
        raise DeadLetterMissing(id)
    db.execute("DELETE FROM messages WHERE sequence = ?", (row[0],))
    return row


def _number(id: str) -> int:
    """Return the sequence number behind an id; of what is none, one that no message has."""
    return int(id) if id.isascii() and id.isdecimal() and len(id) < 19 else -1


def _letter(row: _Row) -> DeadLetter:
    sequence, id, body, reason, enqueued_at = row
    return DeadLetter(str(sequence), id, body, reason, datetime.fromtimestamp(enqueued_at, UTC))
