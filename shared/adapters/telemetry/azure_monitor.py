"""Azure Monitor: Application Insights takes spans as requests and dependencies, and figures as sums with a count.

https://learn.microsoft.com/azure/azure-monitor/app/opentelemetry-overview
"""

import os
import threading
from collections.abc import Mapping
from typing import Any

from azure.core.pipeline.policies import RetryPolicy, SansIOHTTPPolicy
from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter
from opentelemetry.sdk.metrics.export import AggregationTemporality
from opentelemetry.sdk.trace import ReadableSpan

from shared.adapters.telemetry.configured import connection_string
from shared.adapters.telemetry.credentials import CredentialFactory, credential_of
from shared.adapters.telemetry.delivery import Delivery, Lost, silence
from shared.adapters.telemetry.sdk import Destination
from shared.adapters.telemetry.watched import WatchedMetrics, WatchedSpans
from shared.telemetry.model import Span, Value

_OFF = {
    # The exporter's own figures of itself, sent to Microsoft.
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
    # A thread that asks Microsoft hourly how the exporter should behave, naming the instrumentation key.
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
    # One more item with each batch, read from the global tracer provider.
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED": "true",
}
_LONGEST_PAUSE_S = 10
_LONGEST_NAME = 1024


class _Retries(RetryPolicy[Any, Any]):
    """Asks again three times, never waits for long, as the queue behind is short, and not at all once it is closing."""

    def __init__(self, is_closing: threading.Event) -> None:
        super().__init__(retry_total=3)
        self._is_closing = is_closing

    def sleep(self, settings: dict[str, Any], transport: Any, response: Any = None) -> None:
        asked = self.get_retry_after(response) if response is not None else None
        self._is_closing.wait(min(asked or self.get_backoff_time(settings), _LONGEST_PAUSE_S))

    def is_retry(self, settings: dict[str, Any], response: Any) -> bool:
        return not self._is_closing.is_set() and super().is_retry(settings, response)


class _Spans(AzureMonitorTraceExporter):
    """Keeps a span's own name where the exporter writes an HTTP method and a path, and the kind of error, which it leaves out."""

    def _span_to_envelope(self, span: ReadableSpan) -> Any:
        envelope: Any = super()._span_to_envelope(span)
        told, attributes = envelope.data.base_data, span.attributes or {}
        told.name = envelope.tags["ai.operation.name"] = span.name[:_LONGEST_NAME]
        if "error.type" in attributes:
            told.properties["error.type"] = str(attributes["error.type"])
        return envelope


def destination(
    environment: Mapping[str, str], *, credential_factory: CredentialFactory | None, on_lost: Lost
) -> Destination:
    """Return the exporters for the connection string. Raises TelemetryMisconfigured."""
    connected = connection_string("azure_monitor", environment)
    for name, value in _OFF.items():
        os.environ.setdefault(name, value)
    silence("azure.monitor.opentelemetry.exporter")
    delivery, is_closing = Delivery("azure_monitor", on_lost), threading.Event()
    credential = credential_of(environment, credential_factory)

    def options() -> dict[str, Any]:
        return {
            "connection_string": connected,
            "credential": credential,
            # On disk would lie envelopes, each with the instrumentation key.
            "disable_offline_storage": True,
            # A policy belongs to one client.
            "retry_policy": _Retries(is_closing),
            "http_logging_policy": SansIOHTTPPolicy(),
            "raw_response_hook": lambda response: delivery.saw(response.http_response.status_code),
        }

    metrics, spans = AzureMonitorMetricExporter(**options()), _Spans(**options())

    def abandon() -> None:
        delivery.end()
        is_closing.set()

    return Destination(
        metrics=WatchedMetrics(metrics, delivery, AggregationTemporality.DELTA, metrics.client.close),
        spans=WatchedSpans(spans, delivery, spans.client.close),
        attributes=_attributes,
        abandon=abandon,
    )


def _attributes(span: Span) -> Mapping[str, Value]:
    """Add what the exporter looks for: the share that is kept (ItemCount is its reciprocal), and older names.

    It reads a status only beside an HTTP method, and knows the provider of a model as gen_ai.system.
    """
    attributes = dict(span.attributes)
    if span.ratio < 1:
        attributes["_MS.sampleRate"] = round(100 * span.ratio, 6)
    if "http.response.status_code" in attributes:
        attributes.setdefault("http.request.method", "POST")
    if provider := attributes.get("gen_ai.provider.name"):
        attributes.setdefault("gen_ai.system", provider)
    return attributes
