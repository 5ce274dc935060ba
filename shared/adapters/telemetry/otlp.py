"""OTLP over HTTP: any OpenTelemetry collector.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from collections.abc import Mapping
from typing import Any

import requests
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import AggregationTemporality
from opentelemetry.util.re import parse_env_headers

from shared.adapters.telemetry.configured import otlp_endpoint
from shared.adapters.telemetry.delivery import Delivery, Lost, silence
from shared.adapters.telemetry.sdk import Destination
from shared.adapters.telemetry.watched import WatchedMetrics, WatchedSpans
from shared.telemetry.model import Span, Value

_PREFERENCE = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"


def destination(environment: Mapping[str, str], *, on_lost: Lost) -> Destination:
    """Return the exporters for the endpoint. Raises TelemetryMisconfigured.

    Headers, time limit, compression and certificates are OpenTelemetry's own settings.
    """
    endpoint = otlp_endpoint(environment)
    silence("opentelemetry.exporter.otlp")
    headers = parse_env_headers(environment.get("OTEL_EXPORTER_OTLP_HEADERS", ""), liberal=True)
    is_delta = environment.get(_PREFERENCE, "").lower() == "delta"
    temporality = AggregationTemporality.DELTA if is_delta else AggregationTemporality.CUMULATIVE
    delivery = Delivery("otlp", on_lost)
    metrics = OTLPMetricExporter(f"{endpoint}/v1/metrics", headers=headers, session=_session(delivery))
    spans = OTLPSpanExporter(f"{endpoint}/v1/traces", headers=headers, session=_session(delivery))

    def abandon() -> None:
        delivery.end()
        metrics.shutdown()
        spans.shutdown()  # type: ignore[no-untyped-call]

    return Destination(
        metrics=WatchedMetrics(metrics, delivery, temporality, _nothing),
        spans=WatchedSpans(spans, delivery, _nothing),
        attributes=_attributes,
        abandon=abandon,
    )


def _session(delivery: Delivery) -> requests.Session:
    session = requests.Session()

    def saw(response: requests.Response, *_: Any, **__: Any) -> None:
        delivery.saw(response.status_code)

    session.hooks["response"].append(saw)
    return session


def _attributes(span: Span) -> Mapping[str, Value]:
    """Say how many spans one stands for, where that is not itself alone."""
    return span.attributes if span.ratio >= 1 else {**span.attributes, "tollgate.sampling.ratio": span.ratio}


def _nothing() -> None:
    """The exporter closes its connections itself."""
