"""Where telemetry goes."""

from collections.abc import Sequence
from typing import Protocol

from shared.telemetry.model import Point, Span


class Recorder(Protocol):
    """Takes what was measured, in a thread of its own, and sends it on when it sees fit. Never raises for what is lost on the way."""

    def record(self, points: Sequence[Point]) -> None: ...

    def export(self, spans: Sequence[Span]) -> None: ...

    def exposition(self) -> tuple[bytes, str] | None:
        """Return all that was counted as text, and its media type; None where that is not kept."""

    def close(self) -> None:
        """Send what is left, for a few seconds at most."""
