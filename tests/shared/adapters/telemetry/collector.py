"""A place on loopback that takes what Azure Monitor's and OpenTelemetry's exporters send, and tells it in one form."""

import gzip
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    sum: float
    count: int
    attributes: dict[str, str]
    unit: str | None = None
    bounds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """A span as it arrived. Times are nanoseconds; `stands_for` is how many it counts for."""

    name: str
    kind: str
    trace_id: int
    span_id: int
    parent_id: int | None
    start_ns: int
    took_ns: int
    is_error: bool
    stands_for: float
    attributes: dict[str, str]
    service: tuple[str, str, str]


@dataclass(slots=True)
class Collector:
    """`status` of answers may be changed at any time, and after `refusals` answers is 200; while `may_answer` is not set, none is given."""

    url: str = ""
    status: int = 200
    refusals: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b"{}"
    figures: list[Figure] = field(default_factory=list)
    spans: list[Seen] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)
    was_asked: threading.Event = field(default_factory=threading.Event)

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.asked.append((path, headers))
        self.was_asked.set()
        self.may_answer.wait(60)
        if self.refusals is not None:
            self.refusals -= 1
            self.status = self.status if self.refusals >= 0 else 200
        if self.status != 200:
            return
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if path == "/v1/metrics":
            self.figures += _otlp_figures(body)
        elif path == "/v1/traces":
            self.spans += _otlp_spans(body)
        else:
            for envelope in json.loads(body):
                _azure(envelope, self)


@contextmanager
def collecting(certificate: Any = None) -> Iterator[Collector]:
    """With a `certificate` of trustme, over TLS."""
    collector = Collector()
    collector.may_answer.set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(collector))
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    collector.url = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        collector.may_answer.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            try:
                self.send_response(collector.status)
                for name, value in collector.headers.items():
                    self.send_header(name, value)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(collector.answer)))
                self.end_headers()
                self.wfile.write(collector.answer)
            except ConnectionError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Nothing is written to stderr."""

    return Handler


def _azure(envelope: dict[str, Any], collector: Collector) -> None:
    tags, data = envelope["tags"], envelope["data"]["baseData"]
    properties = data.get("properties") or {}
    if envelope["data"]["baseType"] == "MetricData":
        (point,) = data["metrics"]
        collector.figures.append(Figure(point["name"], point["value"], point["count"], properties))
        return
    is_request = envelope["data"]["baseType"] == "RequestData"
    parent = tags.get("ai.operation.parentId")
    collector.spans.append(
        Seen(
            name=data["name"],
            kind="server" if is_request else "internal" if data["type"].lower() == "inproc" else "client",
            trace_id=int(tags["ai.operation.id"], 16),
            span_id=int(data["id"], 16),
            parent_id=int(parent, 16) if parent else None,
            start_ns=_nanoseconds(envelope["time"]),
            took_ns=_duration(data["duration"]),
            is_error=not data["success"],
            stands_for=100 / (envelope.get("sampleRate") or 100),
            attributes={**properties, "status": data.get("responseCode") or data.get("resultCode")},
            service=(tags["ai.cloud.role"], tags["ai.application.ver"], tags["ai.cloud.roleInstance"]),
        )
    )


def _nanoseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1000


def _duration(text: str) -> int:
    """`0.00:00:01.234`: days, hours, minutes, seconds."""
    days, rest = text.split(".", 1)
    hours, minutes, seconds = rest.split(":")
    return round((((int(days) * 24 + int(hours)) * 60 + int(minutes)) * 60 + float(seconds)) * 1e9)


def _otlp_figures(body: bytes) -> Iterator[Figure]:
    for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in getattr(metric, metric.WhichOneof("data")).data_points:
                    is_spread = metric.HasField("histogram")
                    value = point.sum if is_spread else point.as_double or point.as_int
                    yield Figure(
                        metric.name,
                        value,
                        point.count if is_spread else 1,
                        _attributes(point.attributes),
                        metric.unit,
                        tuple(point.explicit_bounds) if is_spread else (),
                    )


def _otlp_spans(body: bytes) -> Iterator[Seen]:
    kinds = {1: "internal", 2: "server", 3: "client"}
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        about = _attributes(resource.resource.attributes)
        for span in (span for scope in resource.scope_spans for span in scope.spans):
            attributes = _attributes(span.attributes)
            yield Seen(
                name=span.name,
                kind=kinds[span.kind],
                trace_id=int.from_bytes(span.trace_id),
                span_id=int.from_bytes(span.span_id),
                parent_id=int.from_bytes(span.parent_span_id) or None,
                start_ns=span.start_time_unix_nano,
                took_ns=span.end_time_unix_nano - span.start_time_unix_nano,
                is_error=span.status.code == 2,
                stands_for=round(1 / float(attributes.pop("tollgate.sampling.ratio", 1)), 6),
                attributes={**attributes, "status": attributes.get("http.response.status_code", "0")},
                service=(about["service.name"], about["service.version"], about["service.instance.id"]),
            )


def _attributes(pairs: Any) -> dict[str, str]:
    return {pair.key: str(getattr(pair.value, pair.value.WhichOneof("value"))) for pair in pairs}
