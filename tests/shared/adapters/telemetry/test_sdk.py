"""What the SDK is given, and what it is spared."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from shared.adapters.telemetry import otlp
from shared.adapters.telemetry.sdk import OpenTelemetryRecorder
from shared.adapters.telemetry.service import Service
from shared.adapters.telemetry.watched import WAITING
from shared.telemetry.model import Span, SpanKind, Value

SPAN = Span(1, 2, None, "chat", SpanKind.SERVER, 0, 1)


def test_spans_that_cannot_be_made_take_no_room() -> None:
    def attributes(span: Span) -> Mapping[str, Value]:
        if span.name == "broken":
            raise ValueError
        return span.attributes

    lost: list[int] = []
    nowhere = otlp.destination({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, on_lost=lost.append)
    destination = replace(nowhere, attributes=attributes)
    recorder = OpenTelemetryRecorder(Service("1", "test", "me"), [destination], on_lost=lost.append, patience_s=0.1)
    for _ in range(WAITING + 1):
        with suppress(ValueError):
            recorder.export([replace(SPAN, name="broken")])
    has_room = destination.spans.has_room()
    recorder.close()

    assert has_room
    assert lost == []
