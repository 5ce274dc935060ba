"""Notices whether a destination takes what it is sent, and says so once when that changes."""

import logging
import threading
from collections.abc import Callable

_LOG = logging.getLogger(__name__)

type Lost = Callable[[int], None]
"""Is told how many points or spans were lost."""


class Delivery:
    """State of one destination. Its texts are ours: those of the libraries may quote what was sent, with keys in it."""

    def __init__(self, name: str, on_lost: Lost) -> None:
        self.is_over = False
        self._name, self._on_lost = name, on_lost
        self._lock, self._is_away = threading.Lock(), False
        # Spans and figures are sent by a thread each.
        self._seen = threading.local()

    def saw(self, status: int) -> None:
        """Remember the HTTP status of the last answer to this thread."""
        self._seen.status = status

    def end(self) -> None:
        """Have what still waits be given up."""
        self.is_over = True

    def lost(self, count: int) -> None:
        """Take note of items that were given up."""
        self._on_lost(count)

    def went(self, is_taken: bool, count: int) -> None:
        """Take note of one batch of `count` items, sent by this thread."""
        status, self._seen.status = getattr(self._seen, "status", None), None
        with self._lock:
            has_changed, self._is_away = self._is_away is is_taken, not is_taken
        if has_changed and is_taken:
            _LOG.warning("telemetry is taken again by %s", self._name)
        elif has_changed:
            reason = f"it answered {status}" if status else "no answer, or no token for it"
            _LOG.warning("telemetry is not taken by %s and is lost until it is: %s", self._name, reason)
        if not is_taken:
            self.lost(count)


def silence(logger: str) -> None:
    """Keep a library's own log lines out of ours, where they could quote what was sent."""
    logging.getLogger(logger).setLevel(logging.CRITICAL + 1)
