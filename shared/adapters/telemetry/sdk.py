"""The recorder on OpenTelemetry's SDK: one set of instruments and one form of span for all destinations that it has exporters for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from shared.adapters.telemetry import service as services
from shared.adapters.telemetry.closing import close_all
from shared.adapters.telemetry.delivery import Lost
from shared.adapters.telemetry.points import Room
from shared.adapters.telemetry.service import Service
from shared.adapters.telemetry.watched import WAITING, WatchedSpans
from shared.telemetry.model import Instrument, Kind, Point, Span, Value
from shared.telemetry.model import SpanKind as Part

_KINDS = {Part.SERVER: SpanKind.SERVER, Part.CLIENT: SpanKind.CLIENT, Part.INTERNAL: SpanKind.INTERNAL}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to send. `attributes` are those of a span as this destination wants to read them; `abandon` ends all waiting."""

    metrics: MetricExporter
    spans: WatchedSpans
    attributes: Callable[[Span], Mapping[str, Value]]
    abandon: Callable[[], None]


class OpenTelemetryRecorder:
    """A Recorder. Nothing is registered with OpenTelemetry globally, as the host's worker may have telemetry of its own."""

    def __init__(
        self, service: Service, destinations: Sequence[Destination], *, on_lost: Lost, patience_s: float
    ) -> None:
        self._patience_s, self._room = patience_s, Room(on_lost)
        self._resource = Resource(service.attributes())
        self._scope = InstrumentationScope(services.NAME, service.version)
        self._is_closed = False
        self._abandon = [destination.abandon for destination in destinations]
        self._lanes = [
            (
                BatchSpanProcessor(destination.spans, max_queue_size=WAITING, meter_provider=NoOpMeterProvider()),
                destination,
            )
            for destination in destinations
        ]
        self._meters = MeterProvider(
            [PeriodicExportingMetricReader(destination.metrics) for destination in destinations],
            self._resource,
            AlwaysOffExemplarFilter(),
            shutdown_on_exit=False,
        )
        self._meter = self._meters.get_meter(services.NAME, service.version)
        self._takers: dict[str, Callable[[float, Mapping[str, Value]], None]] = {}

    def record(self, points: Sequence[Point]) -> None:
        for instrument, value, attributes in self._room.countable(points):
            take = self._takers.get(instrument.name)
            if take is None:
                take = self._takers[instrument.name] = self._make(instrument)
            take(value, attributes)

    def export(self, spans: Sequence[Span]) -> None:
        for span in spans:
            for processor, destination in self._lanes:
                readable = self._readable(span, destination.attributes(span))
                # Room is taken last: what could not be made would keep it for ever.
                if destination.spans.has_room():
                    processor.on_end(readable)

    def exposition(self) -> None:
        return None

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        close_all([self._meters.shutdown, *(processor.shutdown for processor, _ in self._lanes)], self._patience_s)
        for abandon in self._abandon:
            abandon()

    def _make(self, instrument: Instrument) -> Callable[[float, Mapping[str, Value]], None]:
        name, unit, description = instrument.name, instrument.unit, instrument.description
        match instrument.kind:
            case Kind.COUNTER:
                return self._meter.create_counter(name, unit, description).add
            case Kind.GAUGE:
                return self._meter.create_gauge(name, unit, description).set
            case Kind.HISTOGRAM:
                bounds = instrument.bounds or None
                return self._meter.create_histogram(
                    name, unit, description, explicit_bucket_boundaries_advisory=bounds
                ).record

    def _readable(self, span: Span, attributes: Mapping[str, Value]) -> ReadableSpan:
        parent = None
        if span.parent_id is not None:
            # The parent of what serves a call is the caller's.
            parent = SpanContext(span.trace_id, span.parent_id, span.kind is Part.SERVER, _SAMPLED)
        return ReadableSpan(
            name=span.name,
            context=SpanContext(span.trace_id, span.span_id, is_remote=False, trace_flags=_SAMPLED),
            parent=parent,
            resource=self._resource,
            attributes=attributes,
            kind=_KINDS[span.kind],
            status=Status(StatusCode.ERROR if span.is_error else StatusCode.UNSET),
            start_time=span.start_ns,
            end_time=span.end_ns,
            instrumentation_scope=self._scope,
        )
