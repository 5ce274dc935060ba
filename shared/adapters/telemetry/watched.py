"""Exporters of OpenTelemetry that report whether they succeed, and count each thing once."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.sdk.metrics import Counter, Histogram, _Gauge
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from shared.adapters.telemetry.delivery import Delivery

WAITING = 2048
"""Spans that wait to be sent to one destination."""

type Close = Callable[[], None]


class WatchedMetrics(MetricExporter):
    """Gauges are sent when they were told, and not over again: an instance that told one an hour ago knows no better than others now."""

    def __init__(
        self, inner: MetricExporter, delivery: Delivery, temporality: AggregationTemporality, close: Close
    ) -> None:
        kinds: dict[type, AggregationTemporality] = {
            Counter: temporality,
            Histogram: temporality,
            _Gauge: AggregationTemporality.DELTA,
        }
        super().__init__(preferred_temporality=kinds)
        self._inner, self._delivery, self._close = inner, delivery, close

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **options: Any) -> MetricExportResult:
        if self._delivery.is_over:
            self._delivery.lost(_points(metrics_data))
            return MetricExportResult.FAILURE
        result = self._inner.export(metrics_data, timeout_millis)
        self._delivery.went(result is MetricExportResult.SUCCESS, _points(metrics_data))
        return result

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return self._inner.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **options: Any) -> None:
        self._inner.shutdown(timeout_millis)
        self._close()


class WatchedSpans(SpanExporter):
    """Knows how many spans wait for it: the queue before it would let go of the oldest, and tell nobody."""

    def __init__(self, inner: SpanExporter, delivery: Delivery, close: Close) -> None:
        self._inner, self._delivery, self._close = inner, delivery, close
        self._waiting, self._lock = 0, threading.Lock()

    def has_room(self) -> bool:
        """Take one more into account; where there is no room for it, it is lost, and counted so."""
        with self._lock:
            has_room = self._waiting < WAITING
            self._waiting += has_room
        if not has_room:
            self._delivery.lost(1)
        return has_room

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        with self._lock:
            self._waiting -= len(spans)
        if self._delivery.is_over:
            self._delivery.lost(len(spans))
            return SpanExportResult.FAILURE
        result = self._inner.export(spans)
        self._delivery.went(result is SpanExportResult.SUCCESS, len(spans))
        return result

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)

    def shutdown(self) -> None:
        self._inner.shutdown()
        self._close()


def _points(data: MetricsData) -> int:
    return sum(
        len(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )
