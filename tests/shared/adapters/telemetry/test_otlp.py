"""What an OpenTelemetry collector is sent."""

from collections.abc import Callable

from shared.telemetry.model import Point
from shared.telemetry.ports import Recorder
from tests.shared.adapters.telemetry.collector import Collector
from tests.shared.adapters.telemetry.recorder_contract import (
    CIRCUIT,
    DURATION,
    KEY,
    REQUESTS,
    SERVED,
    PatientContract,
)


class TestOtlp(PatientContract):
    name = "otlp"

    def environment(self, url: str) -> dict[str, str]:
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer {KEY}"}

    def test_units_and_buckets_arrive(self, make: Callable[..., Recorder], collector: Collector) -> None:
        recorder = make()
        recorder.record([Point(REQUESTS, 1, {}), Point(DURATION, 0.2, {}), Point(CIRCUIT, 1, {})])
        recorder.close()

        assert {(figure.unit, figure.bounds) for figure in collector.figures} == {
            ("{request}", ()),
            ("s", (0.1, 1.0, 10.0)),
            ("1", ()),
        }

    def test_headers_of_the_environment_are_sent(self, make: Callable[..., Recorder], collector: Collector) -> None:
        recorder = make()
        recorder.export([SERVED])
        recorder.close()

        assert [headers["authorization"] for _, headers in collector.asked] == [f"Bearer {KEY}"]
        assert [path for path, _ in collector.asked] == ["/v1/traces"]
