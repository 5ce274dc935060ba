"""Figures as text for Prometheus to fetch, kept in a registry of our own.

Names and units are written as OpenTelemetry's rules for Prometheus have it:
https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
"""

import re
from collections.abc import Iterator, Sequence

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric

from shared.adapters.telemetry import service as services
from shared.adapters.telemetry.delivery import Lost
from shared.adapters.telemetry.points import Key, Room, key_of
from shared.adapters.telemetry.service import Service
from shared.clock import Clock, SystemClock
from shared.telemetry.model import Instrument, Kind, Point, Span, Value

_UNITS = {"s": "seconds", "ms": "milliseconds", "By": "bytes", "%": "percent"}
_ANNOTATION = re.compile(r"\{[^}]*\}")
_OTHER = re.compile(r"[^a-zA-Z0-9_]+")

GAUGE_S = 900.0
"""Seconds after which a gauge that nobody tells any more is no longer shown: the rarest is told every five minutes."""

type _Family = Counter | Gauge | Histogram


class _Kept(CollectorRegistry):
    """Leaves out the time of each first value, which doubles the text. The library's own switch is one for the whole process."""

    def collect(self) -> Iterator[Metric]:
        for family in super().collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


class PrometheusRecorder:
    """A Recorder that keeps figures and lets spans go."""

    def __init__(self, service: Service, *, on_lost: Lost, clock: Clock | None = None) -> None:
        self._registry, self._room, self._clock = _Kept(), Room(on_lost), clock or SystemClock()
        self._families: dict[str, _Family] = {}
        self._told: dict[tuple[Instrument, Key], float] = {}
        about = {_name(key): value for key, value in service.attributes().items()}
        prometheus_client.Info(services.NAME, "Who tells these figures", registry=self._registry).info(about)

    def record(self, points: Sequence[Point]) -> None:
        for instrument, value, attributes in self._room.countable(points):
            key = key_of(instrument, attributes)
            _take(_series(self._family(instrument), key), value)
            if instrument.kind is Kind.GAUGE:
                self._told[instrument, key] = self._clock.monotonic()

    def export(self, spans: Sequence[Span]) -> None:
        """Prometheus has no place for them."""

    def exposition(self) -> tuple[bytes, str]:
        self._forget_old()
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4

    def close(self) -> None:
        """Nothing is left to send."""

    def _forget_old(self) -> None:
        """Let go of gauges: a budget of last month would be told to be nearly used up until the process ends."""
        until = self._clock.monotonic() - GAUGE_S
        for (instrument, key), at in list(self._told.items()):
            if at < until and key:
                del self._told[instrument, key]
                self._families[instrument.name].remove(*_labels(key))
                self._room.forget(instrument, key)

    def _family(self, instrument: Instrument) -> _Family:
        if instrument.name not in self._families:
            self._families[instrument.name] = _made(instrument, self._registry)
        return self._families[instrument.name]


def _series(family: _Family, key: Key) -> _Family:
    return family.labels(*_labels(key)) if key else family


def _labels(key: Key) -> list[str]:
    return [_text(value) for value in key]


def _made(instrument: Instrument, registry: CollectorRegistry) -> _Family:
    name, labels = full_name(instrument), [_name(name) for name in instrument.attributes]
    if instrument.kind is Kind.COUNTER:
        return Counter(name, instrument.description, labels, registry=registry)
    if instrument.kind is Kind.GAUGE:
        return Gauge(name, instrument.description, labels, registry=registry)
    buckets = instrument.bounds or Histogram.DEFAULT_BUCKETS
    return Histogram(name, instrument.description, labels, registry=registry, buckets=buckets)


def _take(series: _Family, value: float) -> None:
    match series:
        case Counter():
            series.inc(value)
        case Gauge():
            series.set(value)
        case Histogram():
            series.observe(value)


def full_name(instrument: Instrument) -> str:
    """Return the name with its unit at the end, as `tollgate_request_duration_seconds`; counters get `_total` from the library."""
    name, unit = _name(instrument.name), _ANNOTATION.sub("", instrument.unit)
    suffix = _name(_UNITS.get(unit, unit)).strip("_") if unit != "1" else ""
    if instrument.kind is Kind.GAUGE and unit == "1":
        suffix = "ratio"
    return name if not suffix or name.endswith(f"_{suffix}") else f"{name}_{suffix}"


def _name(text: str) -> str:
    return _OTHER.sub("_", text)


def _text(value: Value | None) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
