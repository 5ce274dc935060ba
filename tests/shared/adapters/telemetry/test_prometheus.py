"""The text that Prometheus fetches, read by its own parser."""

from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from shared.adapters.telemetry.points import SERIES
from shared.adapters.telemetry.prometheus import GAUGE_S, PrometheusRecorder, full_name
from shared.adapters.telemetry.service import Service
from shared.telemetry.instruments import ALL
from shared.telemetry.model import Instrument, Kind, Point
from tests.fakes import FakeClock
from tests.shared.adapters.telemetry.recorder_contract import CIRCUIT, DURATION, REQUESTS, SERVED

SERVICE = Service("1.2.3", "prod", "machine-7")


def samples(recorder: PrometheusRecorder) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text, media_type = recorder.exposition()
    assert media_type == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def ignored(count: int) -> None:
    assert count > 0


def test_figures_stand_under_their_names_with_units() -> None:
    recorder = PrometheusRecorder(SERVICE, on_lost=ignored)
    recorder.record([Point(REQUESTS, 1, {"endpoint": "chat.completions", "status": 200})] * 3)
    recorder.record([Point(DURATION, value, {"endpoint": "e"}) for value in (0.5, 2.0, 99)])
    recorder.record([Point(CIRCUIT, value, {"deployment": "d"}) for value in (1, 0)])

    told = samples(recorder)
    endpoint = ("endpoint", "e")
    assert told[("tollgate_requests_total", (("endpoint", "chat.completions"), ("status", "200")))] == 3
    assert told[("tollgate_request_duration_seconds_bucket", (endpoint, ("le", "1.0")))] == 1
    assert told[("tollgate_request_duration_seconds_bucket", (endpoint, ("le", "10.0")))] == 2
    assert told[("tollgate_request_duration_seconds_count", (endpoint,))] == 3
    assert told[("tollgate_request_duration_seconds_sum", (endpoint,))] == 101.5
    assert told[("tollgate_circuit_ratio", (("deployment", "d"),))] == 0


def test_the_text_says_who_tells_it() -> None:
    told = samples(PrometheusRecorder(SERVICE, on_lost=ignored))

    assert told == {
        (
            "tollgate_info",
            (
                ("deployment_environment_name", "prod"),
                ("service_instance_id", "machine-7"),
                ("service_name", "tollgate"),
                ("service_version", "1.2.3"),
            ),
        ): 1
    }


def test_asking_twice_tells_the_same() -> None:
    recorder = PrometheusRecorder(SERVICE, on_lost=ignored)
    recorder.record([Point(CIRCUIT, 1, {"deployment": "d"})])

    assert samples(recorder) == samples(recorder)


def test_hostile_values_stay_inside_their_quotes() -> None:
    recorder = PrometheusRecorder(SERVICE, on_lost=ignored)
    hostile = 'x"} 1\ntollgate_requests_total{endpoint="\\'
    recorder.record([Point(REQUESTS, 1, {"endpoint": hostile, "status": 200})])

    told = {key: value for key, value in samples(recorder).items() if key[0] == "tollgate_requests_total"}
    assert told == {("tollgate_requests_total", (("endpoint", hostile), ("status", "200"))): 1}


def test_series_without_end_are_not_kept() -> None:
    lost: list[int] = []
    recorder = PrometheusRecorder(SERVICE, on_lost=lost.append)
    recorder.record([Point(CIRCUIT, 1, {"deployment": f"d{number}"}) for number in range(SERIES + 3)])
    recorder.record([Point(CIRCUIT, 0, {"deployment": "d0"})])

    told = samples(recorder)
    assert sum(name == "tollgate_circuit_ratio" for name, _ in told) == SERIES
    assert told[("tollgate_circuit_ratio", (("deployment", "d0"),))] == 0
    assert sum(lost) == 3


@pytest.mark.parametrize(
    ("name", "kind", "unit", "expected"),
    [
        ("tollgate.overhead", Kind.HISTOGRAM, "s", "tollgate_overhead_seconds"),
        ("tollgate.cost", Kind.COUNTER, "{currency}", "tollgate_cost"),
        ("tollgate.budget.used", Kind.GAUGE, "1", "tollgate_budget_used_ratio"),
        ("gen_ai.client.token.usage", Kind.HISTOGRAM, "{token}", "gen_ai_client_token_usage"),
        ("tollgate.size.bytes", Kind.GAUGE, "By", "tollgate_size_bytes"),
        ("tollgate.differences", Kind.COUNTER, "1", "tollgate_differences"),
    ],
)
def test_names_follow_the_rules_of_open_telemetry(name: str, kind: Kind, unit: str, expected: str) -> None:
    assert full_name(Instrument(name, kind, unit, "")) == expected


@pytest.mark.parametrize("end", [lambda recorder: recorder.export([SERVED]), lambda recorder: recorder.close()])
def test_spans_and_the_end_change_nothing(end: Callable[[PrometheusRecorder], None]) -> None:
    recorder = PrometheusRecorder(SERVICE, on_lost=ignored)
    recorder.record([Point(REQUESTS, 1, {})])
    before = samples(recorder)
    end(recorder)

    assert samples(recorder) == before


def test_a_gauge_that_nobody_tells_any_more_is_gone() -> None:
    clock, lost = FakeClock(), list[int]()
    recorder = PrometheusRecorder(SERVICE, on_lost=lost.append, clock=clock)
    recorder.record([Point(CIRCUIT, 1, {"deployment": "old"}), Point(REQUESTS, 1, {"endpoint": "e"})])
    clock.advance(GAUGE_S / 2)
    recorder.record([Point(CIRCUIT, 1, {"deployment": f"d{number}"}) for number in range(SERIES - 1)])
    clock.advance(GAUGE_S / 2 + 1)

    told = samples(recorder)
    recorder.record([Point(CIRCUIT, 0, {"deployment": "new"})])

    assert ("tollgate_circuit_ratio", (("deployment", "old"),)) not in told
    assert told[("tollgate_circuit_ratio", (("deployment", "d7"),))] == 1
    assert told[("tollgate_requests_total", (("endpoint", "e"), ("status", "")))] == 1, "counters stay"
    assert samples(recorder)[("tollgate_circuit_ratio", (("deployment", "new"),))] == 0, "its room is free again"
    assert lost == []


def test_other_registries_of_the_process_tell_what_they_told_before() -> None:
    recorder = PrometheusRecorder(SERVICE, on_lost=ignored)
    recorder.record([Point(REQUESTS, 1, {}), Point(DURATION, 1, {})])
    others = CollectorRegistry()
    Counter("theirs", "Of somebody else", registry=others).inc()

    assert "theirs_created" in generate_latest(others).decode()
    assert "_created" not in recorder.exposition()[0].decode()


def test_the_global_registry_is_left_alone() -> None:
    before = {family.name for family in REGISTRY.collect()}
    recorder = PrometheusRecorder(SERVICE, on_lost=ignored)
    recorder.record([Point(REQUESTS, 1, {})])

    assert {family.name for family in REGISTRY.collect()} == before


def test_every_instrument_of_the_gateway_has_a_name_of_its_own() -> None:
    recorder = PrometheusRecorder(SERVICE, on_lost=ignored)
    recorder.record([Point(instrument, 1, {}) for instrument in ALL])

    counted = {name for name, _ in samples(recorder) if name.endswith(("_total", "_count"))}
    assert len(counted) == sum(instrument.kind is not Kind.GAUGE for instrument in ALL)
