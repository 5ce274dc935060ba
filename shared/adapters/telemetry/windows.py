"""Sums of points between two sendings, for what has no such thing of its own."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.adapters.telemetry.delivery import Lost
from shared.adapters.telemetry.points import SERIES, countable
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
    """Bounded: of an instrument, as many series as `points.SERIES` are kept in a window; others are lost, and counted so."""

    def __init__(self, on_lost: Lost) -> None:
        self._on_lost, self._lock = on_lost, threading.Lock()
        self._series: dict[str, dict[tuple[Value, ...], Series]] = {}

    def add(self, points: Sequence[Point]) -> None:
        with self._lock:
            lost = sum(not self._added(*entry) for entry in countable(points))
        if lost:
            self._on_lost(lost)

    def taken(self) -> list[Series]:
        """Return the window's series and begin the next."""
        with self._lock:
            series, self._series = self._series, {}
        return [one for of_instrument in series.values() for one in of_instrument.values()]

    def _added(self, instrument: Instrument, value: float, attributes: Mapping[str, Value]) -> bool:
        of_instrument = self._series.setdefault(instrument.name, {})
        key = tuple(attributes.get(name, "") for name in instrument.attributes)
        known = of_instrument.get(key)
        if known is None and len(of_instrument) >= SERIES:
            return False
        fresh = Series(instrument, attributes, value, 1, value, value)
        of_instrument[key] = fresh if known is None else known.and_also(value)
        return True
