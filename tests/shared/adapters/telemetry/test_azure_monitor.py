"""What Application Insights is sent by the OpenTelemetry exporter."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from queue import Queue
from typing import Any

import orjson
import pytest
import trustme
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from opentelemetry import metrics, trace

from shared.adapters.telemetry.recorders import recorder_of
from shared.telemetry.model import Point
from shared.telemetry.ports import Recorder
from tests.shared.adapters.telemetry.collector import Collector, collecting
from tests.shared.adapters.telemetry.recorder_contract import ASKED, CHAT, KEY, REQUESTS, SERVED, PatientContract

TOKEN = "a-token-of-entra"


class FixedCredential:
    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        assert scopes == ("https://monitor.azure.com//.default",)
        return AccessToken(TOKEN, 4_000_000_000)


class NoCredential:
    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        raise ClientAuthenticationError("no identity here")


class TestAzureMonitor(PatientContract):
    name = "azure_monitor"

    def environment(self, url: str) -> dict[str, str]:
        return {"APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={KEY};IngestionEndpoint={url}"}

    def test_names_are_the_spans_own_whatever_method_and_route(
        self, make: Callable[..., Recorder], collector: Collector
    ) -> None:
        attributes = {**CHAT, "http.request.method": "POST", "http.route": "/v1/chat/completions"}
        recorder = make()
        recorder.export([replace(SERVED, attributes=attributes), replace(ASKED, attributes=attributes)])
        recorder.close()

        assert {(span.kind, span.name) for span in collector.spans} == {
            ("server", "chat gpt-4o"),
            ("client", "chat gpt-4o"),
        }

    def test_kinds_of_errors_are_kept(self, make: Callable[..., Recorder], collector: Collector) -> None:
        recorder = make()
        recorder.export([replace(ASKED, attributes={**CHAT, "error.type": "timeout"})])
        recorder.close()

        assert [span.attributes["error.type"] for span in collector.spans] == ["timeout"]

    def test_what_is_taken_in_part_is_not_quoted(
        self, make: Callable[..., Recorder], collector: Collector, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        collector.status = 206
        refused = {"index": 0, "statusCode": 400, "message": "103: Field 'time' is too old"}
        collector.answer = orjson.dumps({"itemsReceived": 1, "itemsAccepted": 0, "errors": [refused]})
        lost: Queue[int] = Queue()
        recorder = make(on_lost=lost.put)
        recorder.record([Point(REQUESTS, 1, {})])
        recorder.close()

        assert lost.get(timeout=20) == 1
        assert "telemetry is not taken by azure_monitor and is lost until it is: it answered 206" in caplog.text
        assert KEY not in caplog.text

    def test_nothing_else_is_sent_and_nothing_is_registered_globally(
        self, make: Callable[..., Recorder], collector: Collector
    ) -> None:
        before = (trace.get_tracer_provider(), metrics.get_meter_provider())
        recorder = make()
        recorder.record([Point(REQUESTS, 1, {})])
        recorder.export([SERVED])
        recorder.close()

        assert {path for path, _ in collector.asked} == {"/v2.1/track"}
        assert (len(collector.figures), len(collector.spans)) == (1, 1)
        assert (trace.get_tracer_provider(), metrics.get_meter_provider()) == before


class TestWithEntra:
    @pytest.fixture
    def collector(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        with collecting(authority.issue_cert("127.0.0.1")) as collector:
            yield collector

    @pytest.mark.parametrize("name", ["azure_monitor", "opencensus"])
    def test_telemetry_is_sent_with_a_token_of_the_identity_that_is_named(
        self, collector: Collector, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        asked: list[str | None] = []

        def credential(client_id: str | None) -> FixedCredential:
            asked.append(client_id)
            return FixedCredential()

        environment = {
            "APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={KEY};IngestionEndpoint={collector.url}",
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "Authorization=AAD;ClientId=the-app",
        }
        recorder = recorder_of([name], environment, version="1", credential_factory=credential)
        recorder.record([Point(REQUESTS, 1, {})])
        recorder.close()

        assert asked == ["the-app"]
        assert [headers["authorization"] for _, headers in collector.asked] == [f"Bearer {TOKEN}"]
        assert TOKEN not in caplog.text

    @pytest.mark.parametrize("name", ["azure_monitor", "opencensus"])
    def test_without_a_token_nothing_is_sent_and_that_is_told(
        self, collector: Collector, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        environment = {
            "APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={KEY};IngestionEndpoint={collector.url}",
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "Authorization=AAD",
        }
        recorder = recorder_of([name], environment, version="1", credential_factory=lambda _: NoCredential())
        recorder.record([Point(REQUESTS, 1, {})])
        recorder.close()

        assert collector.asked == []
        assert f"telemetry is not taken by {name}" in caplog.text
