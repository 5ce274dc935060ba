"""Which points can be counted at all, and under which attributes, so that memory is bounded."""

import math
from collections.abc import Iterator, Mapping, Sequence

from shared.adapters.telemetry.delivery import Lost
from shared.telemetry.model import Instrument, Kind, Point, Value
from shared.telemetry.vocabulary import OTHER

SERIES = 2000
"""Combinations of attributes that are kept of one instrument: what comes after them is not counted."""

NAMED = SERIES // 2
"""So many may have what callers choose among: the rest is for what must still be told when somebody has gone through all names."""

_CHOSEN = frozenset({"endpoint", "model", "gen_ai.operation.name", "gen_ai.request.model", "gen_ai.response.model"})

type Key = tuple[Value | None, ...]
"""The values of an instrument's attributes, in their order."""


class Room:
    """The series that one recorder keeps. What it has no room for is lost, and counted so."""

    def __init__(self, on_lost: Lost) -> None:
        self._on_lost = on_lost
        self._known: dict[str, set[Key]] = {}

    def countable(self, points: Sequence[Point]) -> Iterator[tuple[Instrument, float, Mapping[str, Value]]]:
        """Yield instrument, value and those attributes that the instrument may be divided by.

        Left out are values that are no number, and counters that shrink: the libraries below raise for them, or sum up nonsense.
        """
        for point in points:
            instrument = point.instrument
            if math.isfinite(point.value) and (instrument.kind is not Kind.COUNTER or point.value >= 0):
                allowed = {name: point.attributes[name] for name in instrument.attributes if name in point.attributes}
                if (admitted := self._admitted(instrument, allowed)) is not None:
                    yield instrument, point.value, admitted
                else:
                    self._on_lost(1)

    def forget(self, instrument: Instrument, key: Key) -> None:
        """Have the room of a series back."""
        self._known[instrument.name].discard(key)

    def _admitted(self, instrument: Instrument, given: Mapping[str, Value]) -> Mapping[str, Value] | None:
        known = self._known.setdefault(instrument.name, set())
        key = key_of(instrument, given)
        if key in known:
            return given
        if len(known) >= NAMED:
            given = {name: OTHER if name in _CHOSEN else value for name, value in given.items()}
            key = key_of(instrument, given)
            if len(known) >= SERIES and key not in known:
                return None
        known.add(key)
        return given


def key_of(instrument: Instrument, attributes: Mapping[str, Value]) -> Key:
    return tuple([attributes.get(name) for name in instrument.attributes])
