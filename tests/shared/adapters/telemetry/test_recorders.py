"""Which destinations there are, and what is wrong with a configuration is said at start."""

import sys
from typing import Any

import pytest

from shared.adapters.telemetry.errors import TelemetryMisconfigured
from shared.adapters.telemetry.recorders import recorder_of
from shared.telemetry.model import Point
from tests.shared.adapters.telemetry.collector import collecting
from tests.shared.adapters.telemetry.recorder_contract import KEY, REQUESTS, SERVED

CONNECTION = f"InstrumentationKey={KEY};IngestionEndpoint=http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("name", "environment", "said"),
    [
        ("splunk", {}, "telemetry cannot go to splunk: there are azure_monitor, otlp, prometheus, opencensus"),
        ("azure_monitor", {}, "APPLICATIONINSIGHTS_CONNECTION_STRING"),
        ("azure_monitor", {"APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey=no-{KEY}"}, "is not one that"),
        ("azure_monitor", {"APPLICATIONINSIGHTS_CONNECTION_STRING": KEY}, "is not one that"),
        (
            "azure_monitor",
            {"APPLICATIONINSIGHTS_CONNECTION_STRING": f"{CONNECTION};Authorization=AAD"},
            "is not one that",
        ),
        ("azure_monitor", {"APPLICATIONINSIGHTS_CONNECTION_STRING": f"{CONNECTION};;a"}, "is not one that"),
        ("azure_monitor", {"APPLICATIONINSIGHTS_CONNECTION_STRING": f"{CONNECTION}=="}, "is not one that"),
        ("opencensus", {}, "APPLICATIONINSIGHTS_CONNECTION_STRING"),
        ("opencensus", {"APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey=no-{KEY}"}, "is not one that"),
        ("otlp", {}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ("otlp", {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ("otlp", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http/protobuf"),
        (
            "azure_monitor",
            {
                "APPLICATIONINSIGHTS_CONNECTION_STRING": CONNECTION,
                "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "ClientId=x",
            },
            "Authorization=AAD",
        ),
    ],
)
def test_what_cannot_work_is_said_at_start_without_the_key(name: str, environment: dict[str, str], said: str) -> None:
    with pytest.raises(TelemetryMisconfigured) as raised:
        recorder_of(["prometheus", name], environment, version="1")

    assert said in str(raised.value)
    assert KEY not in str(raised.value)


def test_opencensus_that_is_not_installed_is_said_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "shared.adapters.telemetry.opencensus", raising=False)
    monkeypatch.setitem(sys.modules, "opencensus.ext.azure.common", None)

    with pytest.raises(TelemetryMisconfigured, match="send to azure_monitor, which fills the same tables"):
        recorder_of(["opencensus"], {"APPLICATIONINSIGHTS_CONNECTION_STRING": CONNECTION}, version="1")


def test_several_destinations_get_everything() -> None:
    with collecting() as azure, collecting() as otlp:
        environment = {
            "APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={KEY};IngestionEndpoint={azure.url}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": otlp.url,
        }
        recorder = recorder_of(["azure_monitor", "otlp", "prometheus", "opencensus"], environment, version="1")
        recorder.record([Point(REQUESTS, 5, {})])
        recorder.export([SERVED])
        text = recorder.exposition()
        recorder.close()

    assert [figure.sum for figure in azure.figures] == [5, 5]
    assert [span.stands_for for span in azure.spans] == [10, 10]
    assert [figure.sum for figure in otlp.figures] == [5]
    assert [span.stands_for for span in otlp.spans] == [10]
    assert text is not None
    assert b'tollgate_requests_total{endpoint="",status=""} 5.0' in text[0]


def test_one_that_refuses_takes_nothing_from_the_other() -> None:
    with collecting() as azure, collecting() as otlp:
        azure.status = 402
        environment = {
            "APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={KEY};IngestionEndpoint={azure.url}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": otlp.url,
        }
        recorder = recorder_of(["azure_monitor", "otlp"], environment, version="1")
        recorder.export([SERVED])
        recorder.close()

    assert (len(azure.spans), len(otlp.spans)) == (0, 1)


def test_none_is_a_place_where_telemetry_ends() -> None:
    recorder: Any = recorder_of([], {}, version="1")
    recorder.record([Point(REQUESTS, 1, {})])
    recorder.export([SERVED])
    recorder.close()

    assert recorder.exposition() is None
