"""Which points can be counted at all."""

import math
from collections.abc import Iterator, Mapping, Sequence

from shared.telemetry.model import Instrument, Kind, Point, Value

SERIES = 2000
"""Combinations of attributes that are kept of one instrument: what comes after them is not counted, so that memory is bounded."""


def countable(points: Sequence[Point]) -> Iterator[tuple[Instrument, float, Mapping[str, Value]]]:
    """Yield instrument, value and those attributes that the instrument may be divided by.

    Left out are values that are no number, and counters that shrink: the libraries below raise for them, or sum up nonsense.
    """
    for point in points:
        instrument = point.instrument
        if math.isfinite(point.value) and (instrument.kind is not Kind.COUNTER or point.value >= 0):
            allowed = {name: point.attributes[name] for name in instrument.attributes if name in point.attributes}
            yield instrument, point.value, allowed
