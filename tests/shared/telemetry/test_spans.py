from dataclasses import replace

import pytest

from shared.telemetry.ended import Ended
from shared.telemetry.model import Span, SpanKind
from shared.telemetry.spans import call_spans
from shared.telemetry.traceparent import trace_id_of
from shared.telemetry.vocabulary import Models
from shared.usage.model import Outcome
from tests.shared.telemetry.recording import EVENT, START_NS, ended

MODELS = Models(["gpt-4o"])
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
MS = 1_000_000


def spans(call: Ended, ratio: float = 1.0) -> list[Span]:
    return list(call_spans(call, MODELS, ratio))


def test_a_call_is_a_span_with_one_for_each_attempt_and_one_for_its_settlement() -> None:
    server, first, second, settle = spans(ended())

    assert [(each.name, each.kind) for each in (server, first, second, settle)] == [
        ("chat gpt-4o", SpanKind.SERVER),
        ("chat east", SpanKind.CLIENT),
        ("chat west", SpanKind.CLIENT),
        ("settle", SpanKind.INTERNAL),
    ]
    assert {each.trace_id for each in (server, first, second, settle)} == {trace_id_of("req_1", None)}
    assert server.parent_id is None
    assert {each.parent_id for each in (first, second, settle)} == {server.span_id}
    assert [((each.start_ns - START_NS) / MS, (each.end_ns - START_NS) / MS) for each in (server, first, second, settle)] == [
        (0, 300), (4, 19), (40, 120), (300, 305),
    ]  # fmt: skip
    assert [each.is_error for each in (server, first, second)] == [False, True, False]


def test_attributes_are_those_of_the_semantic_conventions() -> None:
    server, first, second, settle = spans(ended())

    assert dict(server.attributes) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/v1/chat/completions",
        "tollgate.request_id": "req_1",
        "tollgate.endpoint": "chat.completions",
        "tollgate.outcome": "completed",
        "tollgate.streamed": True,
        "tollgate.attempts": 2,
        "tollgate.team": "research",
        "tollgate.key": "vk_1",
        "tollgate.deployment": "west",
        "tollgate.first_byte_ms": 120,
        "tollgate.overhead_ms": 4.0,
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-11-20",
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.response.finish_reasons": "stop",
    }
    assert first.attributes["error.type"] == "connect"
    assert second.attributes["http.response.status_code"] == 200
    assert "error.type" not in second.attributes
    assert dict(settle.attributes) == {"tollgate.outcome": "completed", "tollgate.usage.source": "provider"}


def test_the_callers_trace_goes_on() -> None:
    server, *_ = spans(ended(traceparent=f"00-{TRACE}-{SPAN}-01"))

    assert (server.trace_id, server.parent_id) == (int(TRACE, 16), int(SPAN, 16))


def test_what_the_caller_says_of_sampling_decides_nothing() -> None:
    kept = [
        {
            flags: bool(spans(ended(id=f"req_{number}", traceparent=f"00-{TRACE}-{SPAN}-{flags}"), 0.3))
            for flags in ("00", "01")
        }
        for number in range(64)
    ]

    assert {each["00"] for each in kept} == {True, False}
    assert all(each["00"] == each["01"] for each in kept)


def test_spans_that_are_kept_say_how_many_they_stand_for() -> None:
    kept = [spans(ended(id=f"req_{number}"), 0.25) for number in range(200)]

    assert 20 < sum(bool(each) for each in kept) < 90
    assert {span.ratio for each in kept for span in each} == {0.25}


@pytest.mark.parametrize("trace", [None, "f" * 32, TRACE, f"{1:032x}"])
def test_kept_spans_add_up_to_the_calls_whatever_trace_their_callers_choose(trace: str | None) -> None:
    calls = 10_000
    traceparent = trace and f"00-{trace}-{SPAN}-01"
    kept = [
        server
        for number in range(calls)
        for server in spans(
            ended(id=f"req_{number}", traceparent=traceparent, status=200 if number % 10 else 503), 0.1
        )[:1]
    ]

    assert abs(sum(1 / server.ratio for server in kept) - calls) < 0.05 * calls
    assert sum(server.is_error for server in kept) == calls / 10


def test_failures_of_ours_are_always_kept_and_stand_for_themselves() -> None:
    for change in ({"status": 503}, {"outcome": Outcome.STREAM_CUT}, {"outcome": Outcome.FAILED}):
        server, *_ = spans(ended(**change), 0.0)
        assert (server.ratio, server.is_error) == (1.0, True)


def test_mistakes_of_callers_are_sampled_as_everything_else() -> None:
    assert spans(ended(status=429, outcome=Outcome.REFUSED), 0.0) == []


def test_a_person_is_not_named() -> None:
    attribution = replace(EVENT.attribution, principal_kind="person", key="00000000-1111", user="ada@example.com")
    server, *_ = spans(ended(attribution=attribution))

    assert "tollgate.key" not in server.attributes
    assert not any("ada" in str(value) or "1111" in str(value) for value in server.attributes.values())


def test_methods_and_endpoints_that_callers_make_up_are_not_repeated() -> None:
    call = ended(endpoint="unknown", requested_model=None)
    call.method = "BREW"
    server, *_ = spans(call)

    assert server.attributes["http.request.method"] == "_OTHER"
    assert (server.name, "http.route" in server.attributes) == ("other", False)


def test_events_of_before_say_nothing_of_when_an_attempt_began() -> None:
    attempts = tuple(replace(attempt, started_ms=None) for attempt in EVENT.attempts)
    _, first, *_ = spans(ended(attempts=attempts))

    assert (first.start_ns - START_NS, first.end_ns - START_NS) == (0, 15 * MS)


def test_what_becomes_known_later_is_no_call() -> None:
    assert spans(Ended(EVENT, is_late=True)) == []
