from dataclasses import replace
from typing import Any

import pytest

from shared.telemetry.calls import call_points
from shared.telemetry.ended import Ended
from shared.telemetry.vocabulary import Models
from shared.usage.model import NO_USAGE, AttemptRecord, Outcome, Source, Timings, Usage
from tests.shared.telemetry.recording import EVENT, MemoryRecorder, ended

MODELS = Models(["gpt-4o"])
GEN_AI = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "azure.ai.openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-11-20",
}


def told(call: Ended, **capacities: str) -> MemoryRecorder:
    recorder = MemoryRecorder()
    recorder.record(list(call_points(call, MODELS, capacities)))
    return recorder


def test_a_good_call_is_counted_with_its_times_and_tokens() -> None:
    recorder = told(ended())

    call = {"endpoint": "chat.completions", "model": "gpt-4o"}
    assert recorder.of("tollgate.requests") == [
        (1, {**call, "deployment": "west", "status": 200, "outcome": "completed", "error_code": "none"})
    ]
    assert recorder.of("tollgate.request.duration") == [(0.3, {**call, "streamed": True})]
    assert recorder.of("tollgate.first_byte") == [(0.12, {**call, "deployment": "west"})]
    assert recorder.of("tollgate.overhead") == [(0.004, {"endpoint": "chat.completions"})]
    assert recorder.of("tollgate.tokens") == [
        (count, {"model": "gpt-4o", "deployment": "west", "bucket": bucket})
        for bucket, count in (("input_fresh", 9), ("input_cached", 3), ("output_text", 2))
    ]
    assert recorder.of("tollgate.upstream.failures") == [(1, {"deployment": "east", "kind": "connect"})]
    assert recorder.of("gen_ai.client.operation.duration") == [(0.3, GEN_AI)]
    assert recorder.of("gen_ai.client.token.usage") == [
        (12, {**GEN_AI, "gen_ai.token.type": "input"}),
        (2, {**GEN_AI, "gen_ai.token.type": "output"}),
    ]


@pytest.mark.parametrize(
    ("code", "limit", "kind"),
    [
        ("rate_limit_exceeded", "requests", "own_limit"),
        ("rate_limit_exceeded", "tokens", "own_limit"),
        ("rate_limit_exceeded", "calls", "concurrency"),
        ("insufficient_quota", None, "budget"),
        ("budget_reserved", None, "budget"),
    ],
)
def test_our_own_refusals_say_what_had_no_room(code: str, limit: str | None, kind: str) -> None:
    call = ended(
        limit=limit,
        own_s=None,
        status=429,
        outcome=Outcome.REFUSED,
        error_code=code,
        usage=NO_USAGE,
        timings=Timings(None, 1),
        attempts=(),
        deployment=None,
    )

    recorder = told(call)

    assert recorder.of("tollgate.throttled") == [(1, {"kind": kind, "deployment": "none"})]
    assert recorder.of("tollgate.overhead") == recorder.of("tollgate.first_byte") == []
    assert recorder.of("gen_ai.client.operation.duration") == [], "no model was asked"


def test_every_429_of_an_upstream_counts_by_how_its_capacity_is_paid() -> None:
    attempts = (
        AttemptRecord("ptu", 429, None, 3),
        AttemptRecord("east", 429, None, 4),
        AttemptRecord("west", 200, None, 5),
    )

    recorder = told(ended(attempts=attempts), ptu="provisioned", east="standard")

    assert recorder.of("tollgate.throttled") == [
        (1, {"kind": "upstream_capacity", "deployment": "ptu"}),
        (1, {"kind": "upstream_rate", "deployment": "east"}),
    ]


@pytest.mark.parametrize(
    ("attempt", "kind"),
    [
        ((500, None), "http_500"),
        ((401, None), "http_401"),
        ((None, "first_byte_timeout"), "first_byte_timeout"),
        ((None, "something that a library says"), "other"),
    ],
)
def test_attempts_that_failed_say_why(attempt: tuple[Any, Any], kind: str) -> None:
    recorder = told(ended(attempts=(AttemptRecord("west", *attempt, 3),)))

    assert recorder.of("tollgate.upstream.failures") == [(1, {"deployment": "west", "kind": kind})]


def test_a_callers_own_mistake_is_no_failure_of_the_upstream() -> None:
    recorder = told(ended(status=400, attempts=(AttemptRecord("west", 400, None, 3),)))

    assert recorder.of("tollgate.upstream.failures") == []


def test_what_becomes_known_later_adds_its_use_and_is_no_call() -> None:
    late = Ended(replace(EVENT, id="late_resp_1", attempts=()), is_late=True)

    recorder = told(late)

    assert {point.instrument.name for point in recorder.points} == {"tollgate.tokens", "gen_ai.client.token.usage"}
    assert sum(count for count, _ in recorder.of("gen_ai.client.token.usage")) == 14


def test_a_response_in_the_background_has_its_tokens_once() -> None:
    pending = ended(endpoint="responses", usage=Usage(source=Source.PENDING))
    late = Ended(replace(EVENT, id="late_resp_1", endpoint="responses", attempts=()), is_late=True)
    points = [point for call in (pending, late) for point in told(call).points]

    sums = {
        name: sum(point.value for point in points if point.instrument.name == name)
        for name in ("tollgate.requests", "tollgate.tokens", "gen_ai.client.token.usage")
    }
    assert sums == {"tollgate.requests": 1, "tollgate.tokens": 14, "gen_ai.client.token.usage": 14}
    assert sum(point.instrument.name == "gen_ai.client.operation.duration" for point in points) == 1
