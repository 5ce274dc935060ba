"""One SQLite file with one writer thread: writes that wait together share a transaction, and so one sync of the disk."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue, ShutDown
from types import TracebackType
from typing import Any

from shared.adapters.sqlite_connection import Migration, open_database
from shared.documents import StoreUnavailable

_GROUP = 256
_READERS = 2


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[sqlite3.Connection], Any]
    future: Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    job: _Job
    result: Any
    failure: BaseException | None

    def tell(self) -> None:
        if self.failure is None:
            self.job.future.set_result(self.result)
        else:
            self.job.future.set_exception(_as_unavailable(self.failure))


class SqliteFile:
    """Opens its file at the first use, creates or migrates it, and lets go of it in close().

    A failing work undoes only its own writes. Where SQLite itself fails, the waiting side gets StoreUnavailable.
    """

    def __init__(self, path: Path, migrations: Sequence[Migration], patience_s: float = 5.0) -> None:
        self._path, self._migrations, self._patience_s = path, migrations, patience_s
        self._jobs: Queue[_Job] = Queue()
        self._starting = threading.Lock()
        self._writer: threading.Thread | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._reading = threading.local()
        self._read_connections: list[sqlite3.Connection] = []
        self._closed = False

    def submit[T](self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Queue a work for the writer; the future is done once the work is committed. Raises StoreUnavailable."""
        future: Future[T] = Future()
        try:
            self._jobs.put(_Job(work, future))
        except ShutDown as error:
            raise StoreUnavailable("the store is closed") from error
        if self._writer is None:
            self._start_writer()
        return future

    async def write[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.wrap_future(self.submit(work))

    async def read[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        if self._readers is None:
            self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix=f"{self._path.stem}-reader")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def close(self) -> None:
        """Commit what is queued, then close every connection."""
        self._closed = True
        self._jobs.shutdown()
        if self._writer is not None:
            await asyncio.to_thread(self._writer.join)
        if self._readers is not None:
            await asyncio.to_thread(self._readers.shutdown)
        while self._read_connections:
            self._read_connections.pop().close()

    def _start_writer(self) -> None:
        with self._starting:
            if self._writer is None:
                self._writer = threading.Thread(
                    target=self._write_groups, name=f"{self._path.stem}-writer", daemon=True
                )
                self._writer.start()

    def _read[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if not hasattr(self._reading, "db"):
                self._reading.db = self._open()
                self._reading.db.execute("PRAGMA query_only=1")
                self._read_connections.append(self._reading.db)
            return work(self._reading.db)
        except (OSError, sqlite3.Error) as error:
            raise _as_unavailable(error) from error

    def _open(self) -> sqlite3.Connection:
        return open_database(self._path, self._migrations, self._patience_s)

    def _write_groups(self) -> None:
        db: sqlite3.Connection | None = None
        while jobs := self._next_group():
            try:
                db = db or self._open()
            except (OSError, sqlite3.Error) as error:
                outcomes = [_Outcome(job, None, error) for job in jobs]
            else:
                outcomes = _commit(db, [job for job in jobs if job.future.set_running_or_notify_cancel()])
            for outcome in outcomes:
                outcome.tell()
        if db is not None:
            db.close()

    def _next_group(self) -> list[_Job]:
        """Wait for work; nothing means that the queue is shut down and drained."""
        jobs: list[_Job] = []
        with suppress(Empty, ShutDown):
            jobs.append(self._jobs.get())
            while len(jobs) < _GROUP:
                jobs.append(self._jobs.get_nowait())
        return jobs


def _commit(db: sqlite3.Connection, jobs: Sequence[_Job]) -> list[_Outcome]:
    """Run the jobs in one transaction; when it breaks, each in its own, so that one too many does not cost the others."""
    try:
        db.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        return [_Outcome(job, None, error) for job in jobs]
    try:
        outcomes = [_attempt(db, job) for job in jobs]
        db.execute("COMMIT")
    except sqlite3.Error as error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        if len(jobs) == 1:
            return [_Outcome(jobs[0], None, error)]
        return [outcome for job in jobs for outcome in _commit(db, [job])]
    return outcomes


def _attempt(db: sqlite3.Connection, job: _Job) -> _Outcome:
    result = None
    with _Savepoint(db) as savepoint:
        result = job.work(db)
    return _Outcome(job, result, savepoint.failure)


class _Savepoint:
    """Undoes a failing job's writes and keeps its exception, whatever it is: it belongs to the caller, not to this thread."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.failure: BaseException | None = None

    def __enter__(self) -> "_Savepoint":
        self._db.execute("SAVEPOINT job")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not self._db.in_transaction:
            return False
        if failure is not None:
            self._db.execute("ROLLBACK TO job")
        self._db.execute("RELEASE job")
        self.failure = failure
        return True


def _as_unavailable(failure: BaseException) -> BaseException:
    if not isinstance(failure, OSError | sqlite3.Error):
        return failure
    unavailable = StoreUnavailable(str(failure))
    unavailable.__cause__ = failure
    return unavailable
