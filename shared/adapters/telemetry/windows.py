"""Sums of points between two sendings, for what has no such thing of its own."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.adapters.telemetry.delivery import Lost
from shared.adapters.telemetry.points import Key, Room, key_of
from shared.telemetry.model import Instrument, Kind, Point, Value


@dataclass(frozen=True, slots=True)
class Series:
    """What came of one instrument with the same attributes. `count`, `smallest` and `greatest` are of the values in `sum`."""

    instrument: Instrument
    attributes: Mapping[str, Value]
    sum: float
    count: int
    smallest: float
    greatest: float

    def and_also(self, value: float) -> "Series":
        if self.instrument.kind is Kind.GAUGE:
            return Series(self.instrument, self.attributes, value, 1, value, value)
        return Series(
            self.instrument,
            self.attributes,
            self.sum + value,
            self.count + 1,
            min(self.smallest, value),
            max(self.greatest, value),
        )


class Windows:
    """Bounded: there are as many series in a window as `Room` has room for."""

    def __init__(self, on_lost: Lost) -> None:
        self._on_lost, self._room, self._lock = on_lost, Room(on_lost), threading.Lock()
        self._series: dict[tuple[str, Key], Series] = {}

    def add(self, points: Sequence[Point]) -> None:
        with self._lock:
            for instrument, value, attributes in self._room.countable(points):
                key = instrument.name, key_of(instrument, attributes)
                known = self._series.get(key)
                fresh = Series(instrument, attributes, value, 1, value, value)
                self._series[key] = fresh if known is None else known.and_also(value)

    def taken(self) -> list[Series]:
        """Return the window's series and begin the next."""
        with self._lock:
            series, self._series, self._room = self._series, {}, Room(self._on_lost)
        return list(series.values())
