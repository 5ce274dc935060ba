"""Stand-ins for the host's surroundings: a queue in memory, functions that are scripted, a stop that moves the clock."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from devhost.encodings import Input
from devhost.stopping import StopSignal
from devhost.worker import Function, Outcome
from shared.documents import StoreUnavailable
from shared.queues import Message

NOON = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
FAILURE = Outcome("ValueError: no")


def message(at: int, body: bytes = b"{}", deliveries: int = 1) -> Message:
    return Message(f"m{at}", body, deliveries, at, NOON, f"lock{at}")


class MemoryQueue:
    """A QueueReceiver. It stops the listener when it runs dry, unless it is told how often to be empty first."""

    def __init__(self, stop: StopSignal, messages: Sequence[Message], empty_polls: int = 0) -> None:
        self._stop, self.waiting, self._empty_polls = stop, list(messages), empty_polls
        self.outages = 0
        self.asked: list[int] = []
        self.completed: list[str] = []
        self.abandoned: list[tuple[str, float]] = []
        self.dead: list[tuple[str, str]] = []

    async def receive(self, queue: str, max_messages: int, lock_s: float) -> Sequence[Message]:
        if self.outages:
            self.outages -= 1
            raise StoreUnavailable("the disk is full")
        self.asked.append(max_messages)
        taken, self.waiting = self.waiting[:max_messages], self.waiting[max_messages:]
        if not taken:
            self._empty_polls -= 1
        if not self.waiting and self._empty_polls <= 0:
            self._stop.stop()
        return taken

    async def complete(self, queue: str, lock_tokens: Sequence[str]) -> None:
        self.completed += lock_tokens

    async def abandon(self, queue: str, lock_tokens: Sequence[str], delay_s: float = 0.0) -> None:
        self.abandoned += [(token, delay_s) for token in lock_tokens]

    async def dead_letter(self, queue: str, lock_tokens: Sequence[str], reason: str) -> None:
        self.dead += [(token, reason) for token in lock_tokens]

    async def depth(self, queue: str) -> int:
        return len(self.waiting)


class ScriptedRun:
    """Remembers what functions were given, and answers with `outcome` or with what `then` says."""

    def __init__(self, then: Callable[[Input], Outcome] | None = None, outcome: Outcome = Outcome()) -> None:  # noqa: B008
        self._then, self._outcome = then, outcome
        self.given: list[Input] = []

    async def __call__(self, function: Function, given: Input) -> Outcome:
        self.given.append(given)
        return self._then(given) if self._then else self._outcome


class HandClock:
    """A clock that only pauses and functions move."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    def move(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


class ClockedStop(StopSignal):
    """Its pauses take no time but move the clock; it stops the host at `end`."""

    def __init__(self, clock: HandClock, end: datetime) -> None:
        super().__init__()
        self._clock, self._end = clock, end
        self.pauses: list[float] = []

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self._clock.move(seconds)
        if self._clock.now() >= self._end:
            self.stop()


class RecordedStop(StopSignal):
    """Its pauses take no time and are remembered."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


def function(kind: str = "timerTrigger", **binding: object) -> Function:
    return Function("id", "job", {"type": kind, "name": "given", **binding})
