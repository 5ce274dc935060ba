"""What the gateway tells of itself: every instrument with its unit and the attributes that it may have, and finished spans.

Names follow OpenTelemetry; those that begin with `gen_ai.` are of its semantic conventions for generative AI.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

type Value = str | int | float | bool
"""What an attribute may be."""


class Kind(StrEnum):
    """A counter only grows, a gauge is what was last told, a histogram tells how values are spread."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One figure. `attributes` are all that it may be divided by; `bounds` are the upper ends of a histogram's buckets."""

    name: str
    kind: Kind
    unit: str
    description: str
    attributes: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """One value of an instrument, in its unit."""

    instrument: Instrument
    value: float
    attributes: Mapping[str, Value]


class SpanKind(StrEnum):
    SERVER = "server"
    CLIENT = "client"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of work that is done. Ids are whole numbers as in W3C Trace Context; times are nanoseconds since 1970 in UTC.

    `ratio` is the share of spans like this one that is kept, so that each stands for 1/ratio.
    """

    trace_id: int
    span_id: int
    parent_id: int | None
    name: str
    kind: SpanKind
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Value] = field(default_factory=dict)
    is_error: bool = False
    ratio: float = 1.0
