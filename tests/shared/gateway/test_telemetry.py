"""Calls tell of themselves, wherever they end, and never what was said in them."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.gateway.pipeline import Pipeline
from shared.instrumentation import telemetry_of
from shared.providers.port import ConnectFailed
from shared.settings import AccessLog
from shared.telemetry.model import SpanKind
from shared.telemetry.ports import Recorder
from shared.telemetry.service import Telemetry
from tests.shared.gateway.harness import (
    CHAT_ANSWER,
    CHAT_STREAM,
    KEYS,
    Answer,
    Gateway,
    collect,
    event,
    json_answer,
    sse_answer,
)
from tests.shared.gateway.limited import gateway_with
from tests.shared.telemetry.recording import MemoryRecorder

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Watched:
    """A gateway whose telemetry goes to a recorder in memory, and keeps every trace."""

    def __init__(
        self, gateway: Gateway, make: Callable[[], Recorder] | None = None, access_log: AccessLog = AccessLog.OFF
    ) -> None:
        self.recorder = MemoryRecorder()
        runtime = gateway.runtime
        settings = replace(runtime.settings, telemetry=("otlp",), trace_sampling=1.0, access_log=access_log)
        self.telemetry = telemetry_of(
            settings, runtime.router, runtime.prices, lambda on_lost: make() if make else self.recorder
        )
        gateway.runtime = replace(runtime, settings=settings, telemetry=self.telemetry)
        gateway.pipeline = Pipeline(gateway.runtime)
        self.gateway = gateway

    async def told(self) -> MemoryRecorder:
        """What the recorder was given, after all calls and all that they left behind."""
        await self.gateway.runtime.background.finish()
        self.telemetry.close()
        return self.recorder


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(
        gateway_with(tmp_path, policies="id: pol_few, scope: teams/other, rate_limits: [{unit: requests, limit: 0}]")
    )


async def test_a_call_is_counted_priced_and_traced(watched: Watched) -> None:
    answer = await watched.gateway.chat(traceparent=f"00-{TRACE}-{SPAN}-01")
    assert answer.status == 200

    recorder = await watched.told()

    ((count, attributes),) = recorder.of("tollgate.requests")
    assert (count, attributes["model"], attributes["deployment"], attributes["status"]) == (1, "gpt-4o", "east", 200)
    assert recorder.of("tollgate.cost") == [
        (pytest.approx(9 * 2.5e-6 + 2 * 1e-5), {"model": "gpt-4o", "deployment": "east", "currency": "USD"})
    ]
    assert len(recorder.of("tollgate.overhead")) == len(recorder.of("tollgate.first_byte")) == 1
    assert [span.kind for span in recorder.spans] == [SpanKind.SERVER, SpanKind.CLIENT, SpanKind.INTERNAL]


async def test_who_is_not_known_is_counted_without_a_word_of_what_he_sent(watched: Watched) -> None:
    answer = await watched.gateway.call("POST", "/v1/chat/completions", team=None, authorization="Bearer sk-wrong")
    assert answer.status == 401

    recorder = await watched.told()

    nobody = {"endpoint": "none", "model": "none", "deployment": "none", "outcome": "refused"}
    assert recorder.of("tollgate.requests") == [(1, {**nobody, "status": 401, "error_code": "invalid_api_key"})]


async def test_the_callers_trace_goes_on_through_the_gateway(watched: Watched) -> None:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Say hello"}]}
    await watched.gateway.call("POST", "/v1/chat/completions", body, traceparent=f"00-{TRACE}-{SPAN}-01")

    recorder = await watched.told()

    assert {span.trace_id for span in recorder.spans} == {int(TRACE, 16)}
    assert recorder.spans[0].parent_id == int(SPAN, 16)


async def test_the_time_in_which_a_caller_sends_his_body_is_not_ours(watched: Watched) -> None:
    gateway, clock = watched.gateway, watched.gateway.clock
    read = gateway.pipeline._bodies.read

    async def slowly(*args: Any) -> Any:
        clock.advance(30)
        return await read(*args)

    gateway.pipeline._bodies.read = slowly  # type: ignore[method-assign]
    await gateway.chat()

    recorder = await watched.told()

    ((own_s, _),) = recorder.of("tollgate.overhead")
    ((took_s, _),) = recorder.of("tollgate.request.duration")
    assert own_s < 1 < 30 <= took_s


async def test_the_time_in_which_it_is_found_out_who_calls_is_ours(watched: Watched) -> None:
    gateway, clock = watched.gateway, watched.gateway.clock
    known = gateway.runtime.callers.identify

    async def slowly(*args: Any) -> Any:
        clock.advance(3)
        return await known(*args)

    gateway.runtime.callers.identify = slowly  # type: ignore[method-assign]
    await gateway.chat()

    recorder = await watched.told()

    ((own_s, _),) = recorder.of("tollgate.overhead")
    ((took_s, _),) = recorder.of("tollgate.request.duration")
    assert (own_s, took_s) == (3, 3)


async def test_fallbacks_show_as_attempts_and_as_failures(watched: Watched) -> None:
    watched.gateway.upstream.answers = [ConnectFailed(), json_answer(CHAT_ANSWER)]
    await watched.gateway.chat("both")

    recorder = await watched.told()

    assert recorder.of("tollgate.upstream.failures") == [(1, {"deployment": "east", "kind": "connect"})]
    assert [span.attributes["tollgate.deployment"] for span in recorder.spans if span.kind is SpanKind.CLIENT] == [
        "east",
        "west",
    ]


async def test_refusals_are_counted_by_what_had_no_room(watched: Watched) -> None:
    answer = await watched.gateway.chat(team="other")
    assert answer.status == 429

    recorder = await watched.told()

    assert recorder.of("tollgate.throttled") == [(1, {"kind": "own_limit", "deployment": "none"})]
    assert recorder.of("tollgate.overhead") == []


async def test_a_stream_is_told_of_when_it_has_ended(watched: Watched) -> None:
    watched.gateway.upstream.answers = [sse_answer(*CHAT_STREAM)]
    answer = await watched.gateway.chat(stream=True)
    await collect(answer)

    recorder = await watched.told()

    ((_, attributes),) = recorder.of("tollgate.request.duration")
    assert attributes["streamed"] is True
    assert {bucket["bucket"]: count for count, bucket in recorder.of("tollgate.tokens")} == {
        "input_fresh": 9,
        "output_text": 2,
    }


SPOKEN = {"messages": [{"role": "user", "content": "CANARY-PROMPT"}], "user": "CANARY-USER"}
TOOLS = [{"type": "function", "function": {"name": "CANARY-TOOL", "parameters": {}}}]
CANARIES: list[dict[str, Any]] = [
    {"model": "gpt-4o", **SPOKEN},
    {"model": "gpt-4o", **SPOKEN, "stream": True, "tools": TOOLS},
    {"model": "CANARY-MODEL", **SPOKEN},
    {"model": "plain-CANARY-MODEL", **SPOKEN},
    {"model": "gpt-4o", "messages": "CANARY-PROMPT"},
    {"model": ["CANARY-MODEL"]},
]


def answers_to(body: dict[str, Any]) -> list[Answer]:
    """A good and a bad one, both of which repeat what they were told."""
    choice = {
        "index": 0,
        "finish_reason": "CANARY-ANSWER",
        "message": {"role": "assistant", "content": "CANARY-ANSWER"},
    }
    spoken = {**CHAT_ANSWER, "model": body["model"], "choices": [choice]}
    good = sse_answer(event(**{**spoken, "usage": None}), *CHAT_STREAM) if body.get("stream") else json_answer(spoken)
    return [good, json_answer({"error": {"code": "CANARY-ANSWER", "message": "CANARY-ANSWER"}}, 400)]


async def test_no_word_of_a_call_no_key_and_no_person_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched(Gateway(tmp_path), access_log=AccessLog.JSON)
    gateway = watched.gateway
    headers = {
        "x_gateway_session": "CANARY-SESSION",
        "x_gateway_tags": "project=CANARY-TAG",
        "user_agent": "CANARY-USER",
        "traceparent": "CANARY-SESSION",
    }
    with caplog.at_level(logging.INFO, "tollgate.calls"):
        for body in CANARIES:
            for answer in answers_to(body):
                gateway.upstream.answers = [answer]
                reply = await gateway.call("POST", "/v1/chat/completions", body, **headers)
                if not isinstance(reply.body, bytes):
                    await collect(reply)
        recorder = await watched.told()

    everything = repr(recorder.points) + repr(recorder.spans) + "\n".join(caplog.messages)
    assert len(recorder.of("tollgate.request.duration")) == 2 * len(CANARIES)
    assert "CANARY" not in everything
    assert not any(secret in everything for secret in (*KEYS.values(), "token-1", "plain-secret"))


async def test_the_log_for_machines_has_an_object_for_every_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(Gateway(tmp_path), access_log=AccessLog.JSON)
    with caplog.at_level(logging.INFO, "tollgate.calls"):
        await watched.gateway.chat()
        await watched.gateway.chat("no such model")

    lines = [json.loads(message) for message in caplog.messages]

    assert [(line["status"], line["model"], line["error_code"]) for line in lines] == [
        (200, "gpt-4o", None),
        (404, "other", "model_not_found"),
    ]
    await watched.told()
    assert f"{watched.recorder.spans[0].trace_id:032x}" == lines[0]["trace_id"]


async def test_the_log_for_people_is_a_line_for_every_call(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched(Gateway(tmp_path), access_log=AccessLog.TEXT)
    with caplog.at_level(logging.INFO, "tollgate.calls"):
        await watched.gateway.chat()

    assert caplog.messages == ["200 chat.completions gpt-4o → east in 0 ms, 1 attempt(s), 9+2 tokens, team research"]


class Broken(MemoryRecorder):
    def record(self, points: object) -> None:
        raise RuntimeError("broken")


async def test_calls_do_not_notice_that_telemetry_is_broken(tmp_path: Path) -> None:
    for make in (Broken, _cannot_be_made):
        watched = Watched(Gateway(tmp_path), make)
        answers = [await watched.gateway.chat() for _ in range(3)]
        assert [answer.status for answer in answers] == [200] * 3
        assert len(await watched.gateway.settled()) == 3
        await watched.told()


def _cannot_be_made() -> Recorder:
    raise ImportError("no such library")


async def test_attempts_say_when_they_began(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    await gateway.chat()

    ((attempt,),) = [event["attempts"] for event in await gateway.settled()]

    assert attempt["started_ms"] == 0
    assert not gateway.runtime.telemetry.is_on, "without a destination"
    assert isinstance(gateway.runtime.telemetry, Telemetry)
