"""Application Insights through opencensus-ext-azure 1.1.15, for tenants that still require it; upstream retired it in 2024.

Its exporters are used without its log handler, which raises into the caller on Python 3.13, and without its statistics, which
send no histograms. Importing this module raises ImportError or AttributeError where the package is missing or broken.
"""

import os
import threading
import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapters.telemetry import service as services
from shared.adapters.telemetry.configured import connection_string
from shared.adapters.telemetry.credentials import CredentialFactory, credential_of
from shared.adapters.telemetry.delivery import Delivery, Lost, silence
from shared.adapters.telemetry.service import Service
from shared.adapters.telemetry.windows import Series, Windows
from shared.clock import Clock, SystemClock
from shared.telemetry.model import Point, Span, SpanKind

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from opencensus.ext.azure.common import utils
    from opencensus.ext.azure.common.protocol import Data, DataPoint, Envelope, MetricData
    from opencensus.ext.azure.metrics_exporter import MetricsExporter
    from opencensus.ext.azure.trace_exporter import AzureExporter
    from opencensus.trace.span import SpanKind as Part
    from opencensus.trace.span_context import SpanContext
    from opencensus.trace.span_data import SpanData
    from opencensus.trace.status import Status

_KINDS = {SpanKind.SERVER: Part.SERVER, SpanKind.CLIENT: Part.CLIENT, SpanKind.INTERNAL: Part.UNSPECIFIED}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WAITING = 10_000
_BATCH = 100


class _Figures(MetricsExporter):  # type: ignore[misc]
    """Sends a window's sums with their counts, which upstream leaves out, so that means and item counts are right."""

    def __init__(self, tags: Mapping[str, str], delivery: Delivery, clock: Clock, **options: Any) -> None:
        super().__init__(**options)
        self._tags, self._delivery, self._clock = tags, delivery, clock

    def metric_to_envelopes(self, metric: Series) -> list[Envelope]:
        name = metric.instrument.name
        point = DataPoint(
            ns="", name=name, value=metric.sum, count=metric.count, min=metric.smallest, max=metric.greatest
        )
        data = MetricData(metrics=[point], properties={key: str(value) for key, value in metric.attributes.items()})
        return [
            Envelope(
                iKey=self.options.instrumentation_key,
                tags=dict(self._tags),
                time=self._clock.now().isoformat(),
                name="Microsoft.ApplicationInsights.Metric",
                data=Data(baseData=data, baseType="MetricData"),
            )
        ]

    def _transmit(self, envelopes: list[Envelope]) -> Any:
        result = super()._transmit(envelopes)
        self._delivery.went(result == 0, len(envelopes))
        return result


class _Spans(AzureExporter):  # type: ignore[misc]
    """Gives requests the names that upstream takes from HTTP alone, and says how many each stands for."""

    def __init__(self, tags: Mapping[str, str], delivery: Delivery, **options: Any) -> None:
        super().__init__(**options)
        self._tags, self._delivery = tags, delivery

    def span_data_to_envelope(self, span: Span) -> Iterator[Envelope]:
        for envelope in super().span_data_to_envelope(_span_data(span)):
            envelope.tags.update(self._tags)
            envelope.tags["ai.operation.name"] = span.name
            if span.ratio < 1:
                envelope.sampleRate = round(100 * span.ratio, 6)
            envelope.data.baseData.name = span.name
            envelope.data.baseData.success = envelope.data.baseData.success and not span.is_error
            yield envelope

    def _transmit(self, envelopes: list[Envelope]) -> Any:
        result = super()._transmit(envelopes)
        self._delivery.went(result == 0, len(envelopes))
        return result


@dataclass(frozen=True, slots=True)
class _Exporters:
    figures: _Figures
    spans: _Spans


class OpenCensusRecorder:
    """A Recorder with one thread, which sends once a minute what came together."""

    def __init__(self, exporters: _Exporters, *, on_lost: Lost, patience_s: float, interval_s: float = 60.0) -> None:
        self._exporters, self._on_lost, self._patience_s, self._interval_s = exporters, on_lost, patience_s, interval_s
        self._windows = Windows(on_lost)
        self._spans: deque[Span] = deque()
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="telemetry-opencensus")
        self._thread.start()

    def record(self, points: Sequence[Point]) -> None:
        self._windows.add(points)

    def export(self, spans: Sequence[Span]) -> None:
        taken = spans[: max(0, _WAITING - len(self._spans))]
        self._spans.extend(taken)
        if len(taken) < len(spans):
            self._on_lost(len(spans) - len(taken))

    def exposition(self) -> None:
        return None

    def close(self) -> None:
        self._is_closing.set()
        self._thread.join(self._patience_s)

    def _run(self) -> None:
        while not self._is_closing.wait(self._interval_s):
            self._send()
        self._send()
        self._exporters.spans._stop(0.1)

    def _send(self) -> None:
        self._exporters.figures.export_metrics(self._windows.taken())
        while self._spans:
            self._exporters.spans.emit([self._spans.popleft() for _ in range(min(_BATCH, len(self._spans)))])


def recorder(
    environment: Mapping[str, str],
    service: Service,
    *,
    credential_factory: CredentialFactory | None,
    on_lost: Lost,
    patience_s: float,
    clock: Clock | None = None,
) -> OpenCensusRecorder:
    """Return a recorder for the connection string. Raises TelemetryMisconfigured."""
    connected = connection_string("opencensus", environment)
    os.environ.setdefault("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "true")
    silence("opencensus")
    delivery = Delivery("opencensus", on_lost)
    options = {
        "connection_string": connected,
        "credential": credential_of(environment, credential_factory),
        "enable_local_storage": False,
        "enable_standard_metrics": False,
    }
    tags = {
        **utils.azure_monitor_context,
        "ai.cloud.role": services.NAME,
        "ai.cloud.roleInstance": service.instance,
        "ai.application.ver": service.version,
    }
    exporters = _Exporters(
        _Figures(tags, delivery, clock or SystemClock(), **options), _Spans(tags, delivery, **options)
    )
    return OpenCensusRecorder(exporters, on_lost=on_lost, patience_s=patience_s)


def _span_data(span: Span) -> SpanData:
    attributes = dict(span.attributes)
    if status := attributes.pop("http.response.status_code", None):
        attributes["http.status_code"] = status
    if span.kind is SpanKind.CLIENT and (provider := attributes.get("gen_ai.provider.name")):
        attributes["component"] = f"GenAI | {provider}"
    return SpanData(
        name=span.name,
        context=SpanContext(trace_id=f"{span.trace_id:032x}"),
        span_id=f"{span.span_id:016x}",
        parent_span_id=None if span.parent_id is None else f"{span.parent_id:016x}",
        attributes=attributes,
        start_time=_iso(span.start_ns),
        end_time=_iso(span.end_ns),
        child_span_count=0,
        stack_trace=None,
        annotations=(),
        message_events=(),
        links=(),
        # Codes of gRPC: 0 is fine, 2 an unknown error.
        status=Status(2 if span.is_error else 0),
        same_process_as_parent_span=None,
        span_kind=_KINDS[span.kind],
    )


def _iso(moment_ns: int) -> str:
    moment = _EPOCH + timedelta(microseconds=moment_ns // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
