"""A circuit per deployment: closed while it works, open while it does not, half-open while one call probes it."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class CircuitRules:
    """Opens after `failures` in a row, or when at least `min_calls` of the last `window` calls failed at `error_rate`."""

    failures: int = 5
    window: int = 40
    min_calls: int = 20
    error_rate: float = 0.5
    open_s: float = 10.0
    max_open_s: float = 120.0


class Circuit:
    """Health of one deployment as this instance sees it. Times are seconds of a monotonic clock.

    A throttled deployment is not broken: it is left alone until the time that it named, and its circuit stays closed.
    """

    __slots__ = ("_failed", "_in_a_row", "_open_s", "_opened_at", "_probing", "_recent", "_rules", "throttled_until")

    def __init__(self, rules: CircuitRules) -> None:
        self._rules = rules
        self._recent: deque[bool] = deque(maxlen=rules.window)
        self._failed = 0
        self._in_a_row = 0
        self._opened_at: float | None = None
        self._open_s = rules.open_s
        self._probing = False
        self.throttled_until = 0.0

    def state(self, now: float) -> State:
        if self._opened_at is None:
            return State.CLOSED
        return State.OPEN if now < self._opened_at + self._open_s else State.HALF_OPEN

    def admits(self, now: float) -> bool:
        """Whether a call may be sent: closed, or half-open with nobody probing."""
        return self._opened_at is None or (self.state(now) is State.HALF_OPEN and not self._probing)

    def is_preferred(self, now: float) -> bool:
        """Whether it should be asked before others: it admits calls and did not ask to be left alone."""
        return now >= self.throttled_until and self.admits(now)

    def opens_again_in(self, now: float) -> float:
        """Seconds until a probe is admitted."""
        return 0.0 if self._opened_at is None else max(0.0, self._opened_at + self._open_s - now)

    def begin(self, now: float) -> None:
        """A call is being sent; on a half-open circuit it is the probe."""
        if self._opened_at is not None and self.state(now) is State.HALF_OPEN:
            self._probing = True

    def succeeded(self) -> None:
        self._in_a_row = 0
        self._close()
        self._record(failed=False)

    def failed(self, now: float) -> None:
        self._in_a_row += 1
        self._record(failed=True)
        if self._opened_at is not None:
            if self._probing:
                self._probing = False
                self._opened_at, self._open_s = now, min(self._open_s * 2, self._rules.max_open_s)
        elif self._should_open():
            self._opened_at = now

    def throttled(self, until: float) -> None:
        """It answers, but has no room: as a probe that is a success."""
        self._close()
        self.throttled_until = max(self.throttled_until, until)

    def abandoned(self) -> None:
        """The call ended without telling anything about the deployment."""
        self._probing = False

    def _close(self) -> None:
        self._probing = False
        if self._opened_at is not None:
            self._opened_at, self._open_s, self._in_a_row = None, self._rules.open_s, 0
            self._recent.clear()
            self._failed = 0

    def _record(self, *, failed: bool) -> None:
        if len(self._recent) == self._recent.maxlen:
            self._failed -= self._recent[0]
        self._recent.append(failed)
        self._failed += failed

    def _should_open(self) -> bool:
        rules, calls = self._rules, len(self._recent)
        return self._in_a_row >= rules.failures or (
            calls >= rules.min_calls and self._failed >= rules.error_rate * calls
        )
