"""How much to borrow at a time: enough for about a second, learned from how soon it was used up."""

from shared.clock import Clock

SHARE_OF_REST = 8
_BUSY_S, _QUIET_S = 1.0, 4.0


class Demand:
    """Doubles what is borrowed too often and halves what lasts long; never more than an eighth of what is left."""

    def __init__(self, clock: Clock, first: int) -> None:
        self._clock = clock
        self._size = max(1, first)
        self._borrowed_at: float | None = None

    def chunk(self, left: int) -> int:
        return max(0, min(self._size, left // SHARE_OF_REST))

    def borrowed(self, left: int) -> None:
        """Learn from a borrowing, `left` units being left after it."""
        now = self._clock.monotonic()
        if self._borrowed_at is not None:
            since = now - self._borrowed_at
            if since < _BUSY_S and self._size <= left // SHARE_OF_REST:
                self._size *= 2
            elif since > _QUIET_S:
                self._size = max(1, self._size // 2)
        self._borrowed_at = now
