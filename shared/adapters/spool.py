"""Takes messages without waiting and has a thread of its own write them in groups, again and again until it succeeds."""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue

from shared.clock import Clock
from shared.documents import StoreUnavailable

_LOG = logging.getLogger(__name__)
_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.1, 5.0
_COMPLAIN_EVERY_S = 60.0

type Outgoing = tuple[str, str, bytes]
"""Queue, message id, body."""


class Spool:
    """`write` stores a group durably or raises StoreUnavailable; then the group stays in memory and is tried again.

    No more than `capacity` messages are kept. What is refused or lost is counted and said in the log.
    """

    def __init__(
        self, write: Callable[[Sequence[Outgoing]], None], clock: Clock, linger_s: float, capacity: int
    ) -> None:
        self._write, self._clock, self._linger_s, self._capacity = write, clock, linger_s, capacity
        self._items: SimpleQueue[Outgoing | Future[None]] = SimpleQueue()
        self._waiting: list[Outgoing] = []
        self._hurry = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._refused = 0
        self._complain_at = 0.0

    def put(self, message: Outgoing) -> None:
        if self._closed or self._items.qsize() + len(self._waiting) >= self._capacity:
            self._refused += 1
            self._complain("the spool is closed" if self._closed else "the spool is full")
            return
        self._items.put(message)
        if self._thread is None:
            self._start()

    async def flush(self) -> None:
        """Return once all messages put so far are written. Raises StoreUnavailable after one attempt; they are kept."""
        if self._thread is not None and self._thread.is_alive():
            flushed: Future[None] = Future()
            self._items.put(flushed)
            self._hurry.set()
            await asyncio.wrap_future(flushed)

    def flush_now(self, patience_s: float) -> None:
        """The same without an event loop, in so many seconds; what fails is logged when the thread tries."""
        if self._thread is not None and self._thread.is_alive():
            flushed: Future[None] = Future()
            self._items.put(flushed)
            self._hurry.set()
            with suppress(StoreUnavailable, TimeoutError):
                flushed.result(patience_s)

    async def close(self) -> None:
        """Make one last attempt and stop the thread."""
        self._closed = True
        with suppress(StoreUnavailable):
            await self.flush()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        delay = 0.0
        while True:
            flushes = self._collect()
            failure = self._attempt()
            for flushed in flushes:
                _settle(flushed, failure)
            if self._closed and self._items.empty():
                break
            if failure is not None:
                delay = min(max(2 * delay, _FIRST_DELAY_S), _LONGEST_DELAY_S)
                self._hurry.wait(delay)
            else:
                delay = 0.0
        if self._waiting:
            _LOG.error("%d messages are lost: the store stayed unavailable until the end", len(self._waiting))

    def _collect(self) -> list[Future[None]]:
        """Move what was put into `_waiting`; block only while there is nothing to do. Returns the flushes that wait."""
        flushes: list[Future[None]] = []
        if not self._waiting:
            self._sort(self._items.get(), flushes)
            self._hurry.wait(self._linger_s)
        self._hurry.clear()
        with suppress(Empty):
            while True:
                self._sort(self._items.get_nowait(), flushes)
        return flushes

    def _sort(self, item: Outgoing | Future[None], flushes: list[Future[None]]) -> None:
        if isinstance(item, Future):
            flushes.append(item)
        else:
            self._waiting.append(item)

    def _attempt(self) -> StoreUnavailable | None:
        try:
            if self._waiting:
                self._write(self._waiting)
        except StoreUnavailable as error:
            self._complain(str(error))
            return error
        self._waiting.clear()
        return None

    def _complain(self, reason: str) -> None:
        now = self._clock.monotonic()
        if now >= self._complain_at:
            self._complain_at = now + _COMPLAIN_EVERY_S
            waiting = self._items.qsize() + len(self._waiting)
            _LOG.error("%d messages wait in memory and %d were refused: %s", waiting, self._refused, reason)


def _settle(flushed: Future[None], failure: StoreUnavailable | None) -> None:
    if flushed.set_running_or_notify_cancel():
        if failure is None:
            flushed.set_result(None)
        else:
            flushed.set_exception(failure)
