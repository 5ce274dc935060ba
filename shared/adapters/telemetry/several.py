"""Several recorders as one."""

from collections.abc import Sequence

from shared.adapters.telemetry.closing import close_all
from shared.telemetry.model import Point, Span
from shared.telemetry.ports import Recorder


class Recorders:
    """A Recorder that gives everything to each of several. With none of them it is a place where telemetry ends."""

    def __init__(self, recorders: Sequence[Recorder], patience_s: float) -> None:
        self._recorders, self._patience_s = tuple(recorders), patience_s

    def record(self, points: Sequence[Point]) -> None:
        for recorder in self._recorders:
            recorder.record(points)

    def export(self, spans: Sequence[Span]) -> None:
        for recorder in self._recorders:
            recorder.export(spans)

    def exposition(self) -> tuple[bytes, str] | None:
        texts = (recorder.exposition() for recorder in self._recorders)
        return next((text for text in texts if text is not None), None)

    def close(self) -> None:
        close_all([recorder.close for recorder in self._recorders], self._patience_s)
