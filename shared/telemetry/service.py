"""Takes what calls and jobs tell of themselves, without making them wait, and gives it to a recorder in a thread of its own.

Telling is one append to a bounded buffer. The thread begins with the first that is told, waits a moment so that no start is slowed
down, and only then makes the recorder, whose libraries take long to import. Whatever goes wrong with a recorder stays there: it is logged
by its type, and what it should have taken is counted as dropped.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from queue import Empty, SimpleQueue

from shared.telemetry.calls import unknown_caller
from shared.telemetry.ended import Ended
from shared.telemetry.instruments import DROPPED, REQUESTS
from shared.telemetry.model import Instrument, Point, Value
from shared.telemetry.ports import Recorder
from shared.telemetry.translation import Told, Translation
from shared.telemetry.vocabulary import Models

ROOM = 10_000
"""What waits at most: about two seconds of the heaviest load, and 30 MB."""

FIRST_S, EVERY_S, GAUGES_S = 2.0, 1.0, 20.0
PATIENCE_S = 3.0
_SLICE = 50
_log = logging.getLogger("tollgate.telemetry")

type OpenRecorder = Callable[[Callable[[int], None]], Recorder]
"""Makes the recorder, which tells the function given to it how much of what it took was lost later."""

type Exposition = tuple[bytes, str] | None


class Telemetry:
    """Without something to make a recorder it takes nothing, and costs nothing. Safe to be told from any thread."""

    def __init__(
        self,
        open_recorder: OpenRecorder | None = None,
        translation: Translation | None = None,
        *,
        room: int = ROOM,
        first_s: float = FIRST_S,
        every_s: float = EVERY_S,
        gauges_s: float = GAUGES_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._open, self._translation = open_recorder, translation or Translation()
        self._room, self._first_s, self._every_s = room, first_s, every_s
        self._gauge_rounds, self._patience_s = max(1, round(gauges_s / every_s)), patience_s
        self._buffer: deque[Told] = deque(maxlen=room)
        self._orders: SimpleQueue[Future[Exposition] | None] = SimpleQueue()
        self._dropped = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._recorder: Recorder | None = None
        self._observe: Callable[[], None] = _nothing
        self._complaints: set[str] = set()
        self.is_on = open_recorder is not None

    @property
    def models(self) -> Models:
        """The names of models that may stand in telemetry."""
        return self._translation.models

    def call_ended(self, ended: Ended) -> None:
        """Take note of a call. Never waits, never raises."""
        if self.is_on:
            self._append(ended)

    def count(self, instrument: Instrument, value: float = 1, **attributes: Value) -> None:
        """Take note of one value. Never waits, never raises."""
        if self.is_on:
            self._append((instrument, value, attributes))

    def caller_unknown(self, status: int, code: str | None) -> None:
        """Take note of a call that ended before anybody knew whose it is. Never waits, never raises."""
        if self.is_on:
            self._append((REQUESTS, 1, unknown_caller(status, code)))

    def watch(self, observe: Callable[[], None]) -> None:
        """Have gauges read again and again: `observe` is called from the loop that runs now, and tells them by `count`."""
        loop = asyncio.get_running_loop()

        def ask() -> None:
            loop.call_soon_threadsafe(observe)

        self._observe = ask

    async def exposition(self) -> Exposition:
        """Return all that was counted as text, and its media type. Raises TimeoutError where the recorder hangs."""
        if not self.is_on:
            return None
        answer: Future[Exposition] = Future()
        self._orders.put(answer)
        self._start()
        async with asyncio.timeout(self._patience_s):
            return await asyncio.wrap_future(answer)

    def close(self) -> None:
        """Send what is left, and wait for it a few seconds at most. What is told later is not taken."""
        self.is_on = False
        if self._thread is not None:
            self._orders.put(None)
            self._thread.join(self._patience_s)

    def _append(self, told: Told) -> None:
        buffer = self._buffer
        if len(buffer) == self._room:
            self._lost(1)
        buffer.append(told)
        if self._thread is None:
            self._start()

    def _lost(self, count: int) -> None:
        with self._lock:
            self._dropped += count

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        rounds, wait_s = 0, self._first_s
        while (order := self._next_order(wait_s)) is not None or self.is_on:
            self._round()
            if isinstance(order, Future):
                self._expose(order)
            if rounds % self._gauge_rounds == 0:
                with self._contained("gauges"):
                    self._observe()
            rounds, wait_s = rounds + 1, self._every_s
        self._round()
        if self._recorder is not None:
            with self._contained("the end"):
                self._recorder.close()

    def _next_order(self, wait_s: float) -> Future[Exposition] | None:
        """Return who asks for the text; None when it is time for a round, or to end."""
        try:
            return self._orders.get(timeout=wait_s)
        except Empty:
            return None

    def _round(self) -> None:
        """Give everything that waits to the recorder."""
        recorder = self._recorder or self._opened()
        while recorder is not None and (told := self._slice()):
            with self._contained("figures", len(told)):
                points, spans = self._translation.of(told)
                recorder.record(points)
                if spans:
                    recorder.export(spans)
        self._tell_dropped()

    def _slice(self) -> list[Told]:
        buffer = self._buffer
        told: list[Told] = []
        while buffer and len(told) < _SLICE:
            told.append(buffer.popleft())
        return told

    def _opened(self) -> Recorder | None:
        """Make the recorder. One that cannot be made will not be the next time either: telemetry is off then."""
        if self._open is None:
            return None
        with self._contained("its start"):
            self._recorder = self._open(self._lost)
        if self._recorder is None:
            self.is_on, self._open = False, None
            self._buffer.clear()
            _log.error("Telemetry is off: it cannot be sent as configured")
        return self._recorder

    def _tell_dropped(self) -> None:
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        if dropped and self._recorder is not None:
            with self._contained("figures", dropped):
                self._recorder.record([Point(DROPPED, dropped, {})])

    def _expose(self, answer: Future[Exposition]) -> None:
        # Who asked may have given up.
        if not answer.set_running_or_notify_cancel():
            return
        text: Exposition = None
        with self._contained("the exposition"):
            text = self._recorder.exposition() if self._recorder is not None else None
        answer.set_result(text)

    @contextmanager
    def _contained(self, part: str, count: int = 0) -> Iterator[None]:
        """The edge of the thread: what libraries of telemetry raise may be of any kind, and must reach nobody."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - one of the three edges
            self._complain(part, error)
            self._lost(count)

    def _complain(self, part: str, error: Exception) -> None:
        """Log each kind of trouble once: telemetry that fails every second must not fill the log with it."""
        complaint = f"{part}: {type(error).__name__}"
        if complaint not in self._complaints:
            self._complaints.add(complaint)
            _log.error("Telemetry failed at %s", complaint)


def _nothing() -> None:
    """There are no gauges."""
