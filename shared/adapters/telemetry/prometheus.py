"""Figures as text for Prometheus to fetch, kept in a registry of our own.

Names and units are written as OpenTelemetry's rules for Prometheus have it:
https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
"""

import re
from collections.abc import Sequence

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from shared.adapters.telemetry import service as services
from shared.adapters.telemetry.delivery import Lost
from shared.adapters.telemetry.points import SERIES, countable
from shared.adapters.telemetry.service import Service
from shared.telemetry.model import Instrument, Kind, Point, Span, Value

_UNITS = {"s": "seconds", "ms": "milliseconds", "By": "bytes", "%": "percent"}
_ANNOTATION = re.compile(r"\{[^}]*\}")
_OTHER = re.compile(r"[^a-zA-Z0-9_]+")

type _Family = Counter | Gauge | Histogram


class PrometheusRecorder:
    """A Recorder that keeps figures and lets spans go."""

    def __init__(self, service: Service, *, on_lost: Lost) -> None:
        # A series beside each counter and histogram, with the time of its first value, doubles the text.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry, self._on_lost = CollectorRegistry(), on_lost
        self._families: dict[str, tuple[_Family, set[tuple[str, ...]]]] = {}
        about = {_name(key): value for key, value in service.attributes().items()}
        prometheus_client.Info(services.NAME, "Who tells these figures", registry=self._registry).info(about)

    def record(self, points: Sequence[Point]) -> None:
        for instrument, value, attributes in countable(points):
            family, series = self._family(instrument)
            labels = tuple(_text(attributes.get(name, "")) for name in instrument.attributes)
            if labels not in series and len(series) >= SERIES:
                self._on_lost(1)
                continue
            series.add(labels)
            _take(family.labels(*labels) if labels else family, value)

    def export(self, spans: Sequence[Span]) -> None:
        """Prometheus has no place for them."""

    def exposition(self) -> tuple[bytes, str]:
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4

    def close(self) -> None:
        """Nothing is left to send."""

    def _family(self, instrument: Instrument) -> tuple[_Family, set[tuple[str, ...]]]:
        if instrument.name not in self._families:
            self._families[instrument.name] = _made(instrument, self._registry), set()
        return self._families[instrument.name]


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


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
