"""Turns what was told into points and spans, off the path of any call."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from shared.telemetry.calls import call_points, cost_point
from shared.telemetry.ended import Ended
from shared.telemetry.model import Instrument, Kind, Point, Span, Value
from shared.telemetry.spans import call_spans
from shared.telemetry.vocabulary import Models
from shared.usage.model import UsageEvent

type Told = Ended | tuple[Instrument, float, Mapping[str, Value]]
"""A call, or one value of an instrument with what it may be divided by."""

type Cost = Callable[[UsageEvent], tuple[float, str] | None]
"""What a call cost, in units of a currency; None where it has no price."""

LONGEST = 200
"""Characters of an attribute."""


def no_cost(event: UsageEvent) -> tuple[float, str] | None:
    return None


@dataclass(frozen=True, slots=True)
class Translation:
    """`models` are the names that may be told, `capacities` says how each deployment is paid, `ratio` which share of traces is kept."""

    models: Models = field(default_factory=lambda: Models(()))
    capacities: Mapping[str, str] = field(default_factory=dict)
    cost_of: Cost = no_cost
    ratio: float = 1.0

    def of(self, told: Iterable[Told]) -> tuple[Sequence[Point], Sequence[Span]]:
        """Return the points, with those of one counter summed up, and the spans that are kept."""
        points: list[Point] = []
        spans: list[Span] = []
        for each in told:
            if isinstance(each, Ended):
                points += self._points(each)
                spans += call_spans(each, self.models, self.ratio)
            else:
                points.append(Point(*each))
        return summed(points), spans

    def _points(self, ended: Ended) -> Iterator[Point]:
        yield from call_points(ended, self.models, self.capacities)
        if (cost := self.cost_of(ended.event)) is not None and cost[0] > 0:
            yield cost_point(ended.event, self.models, *cost)


def summed(points: Iterable[Point]) -> list[Point]:
    """Return the points with only such attributes as their instruments may have, and one for all that a counter counts alike."""
    sums: dict[tuple[str, tuple[Value | None, ...]], float] = {}
    counters: dict[tuple[str, tuple[Value | None, ...]], Point] = {}
    result: list[Point] = []
    for point in points:
        instrument, given = point.instrument, point.attributes
        values = tuple([given.get(name) for name in instrument.attributes])
        if instrument.kind is Kind.COUNTER:
            key = instrument.name, values
            sums[key] = sums.get(key, 0) + point.value
            if key not in counters:
                counters[key] = point
        else:
            result.append(_allowed(point, point.value))
    return [*(_allowed(counters[key], value) for key, value in sums.items()), *result]


def _allowed(point: Point, value: float) -> Point:
    given, names = point.attributes, point.instrument.attributes
    if not all([name in names and _is_short(each) for name, each in given.items()]):
        given = {
            name: each if _is_short(each) else str(each)[:LONGEST] for name, each in given.items() if name in names
        }
    elif value == point.value:
        return point
    return Point(point.instrument, value, given)


def _is_short(value: Value) -> bool:
    return not isinstance(value, str) or len(value) <= LONGEST
