import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import pytest

from shared.gateway.message import GatewayResponse
from shared.providers.port import ConnectionLost
from tests.shared.gateway.harness import (
    CHAT_STREAM,
    SILENCE,
    Answer,
    Gateway,
    collect,
    collect_until_cut,
    event,
    sse_answer,
)
from tests.shared.gateway.limited import gateway_with

WHOLE = b"".join(CHAT_STREAM)


async def leave_after(answer: GatewayResponse, pieces: int) -> None:
    """Read a few pieces and go away, as a caller does whose connection breaks."""
    stream = cast(AsyncGenerator[bytes], answer.body)
    for _ in range(pieces):
        await anext(stream)
    await stream.aclose()


async def test_a_caller_who_asked_for_usage_gets_every_byte_but_azures_empty_chunk(gateway: Gateway) -> None:
    gateway.upstream.answers = [sse_answer(*CHAT_STREAM)]

    answer = await gateway.chat(stream=True, stream_options={"include_usage": True})

    assert await collect(answer) == b"".join(CHAT_STREAM[1:])
    assert b"stream_options" in (gateway.upstream.sent[0].body or b"")


async def test_a_caller_who_did_not_ask_does_not_see_the_usage_chunk(gateway: Gateway) -> None:
    gateway.upstream.answers = [sse_answer(*CHAT_STREAM)]

    answer = await gateway.call("POST", "/v1/chat/completions", b'{"model":"gpt-4o","messages":[],"stream":true}')

    assert await collect(answer) == b"".join([*CHAT_STREAM[1:4], CHAT_STREAM[5]])
    assert gateway.upstream.sent[0].body == (
        b'{"stream_options":{"include_usage":true},"model":"gpt-4o","messages":[],"stream":true}'
    )
    (usage_event,) = await gateway.settled()
    assert (usage_event["tokens"]["input_fresh"], usage_event["tokens"]["output_text"]) == (9, 2)
    assert (usage_event["streamed"], usage_event["finish_reason"]) == (True, "stop")


async def test_azure_shaped_callers_get_azures_chunks(gateway: Gateway) -> None:
    gateway.upstream.answers = [sse_answer(*CHAT_STREAM)]

    answer = await gateway.call(
        "POST",
        "/openai/deployments/gpt-4o/chat/completions",
        {"messages": [], "stream": True, "stream_options": {"include_usage": True}},
    )

    assert await collect(answer) == WHOLE


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
async def test_the_stream_is_the_same_however_the_network_cuts_it(gateway: Gateway, size: int) -> None:
    pieces = [WHOLE[at : at + size] for at in range(0, len(WHOLE), size)]
    gateway.upstream.answers = [sse_answer(*pieces)]

    answer = await gateway.chat(stream=True)

    assert await collect(answer) == b"".join([*CHAT_STREAM[1:4], CHAT_STREAM[5]])
    (usage_event,) = await gateway.settled()
    assert usage_event["usage_source"] == "provider"


async def test_responses_streams_are_relayed_untouched_and_never_asked_for_usage(gateway: Gateway) -> None:
    stream = [
        b"event: response.created\n" + event(type="response.created", response={"id": "resp_1", "status": "in_progress", "usage": None}),
        b"event: response.output_text.delta\n" + event(type="response.output_text.delta", delta="He"),
        b"event: response.completed\n"
        + event(
            type="response.completed",
            response={
                "id": "resp_1",
                "status": "completed",
                "model": "gpt-5",
                "usage": {"input_tokens": 20, "input_tokens_details": {"cached_tokens": 8}, "output_tokens": 5,
                          "output_tokens_details": {"reasoning_tokens": 3}},
            },
        ),
    ]  # fmt: skip
    gateway.upstream.answers = [sse_answer(*stream)]
    body = b'{"model":"gpt-4o","input":"hi","stream":true}'

    answer = await gateway.call("POST", "/v1/responses", body)

    assert await collect(answer) == b"".join(stream)
    assert gateway.upstream.sent[0].body == body
    (usage_event,) = await gateway.settled()
    assert usage_event["tokens"]["input_cached"] == 8
    assert usage_event["tokens"]["input_fresh"] == 12
    assert usage_event["tokens"]["output_reasoning"] == 3
    assert usage_event["object_id"] == "resp_1"
    owned = await gateway.call("GET", "/v1/responses/resp_1")
    strange = await gateway.call("GET", "/v1/responses/resp_1", team="other")
    assert (owned.status, strange.status) == (200, 404)


async def test_silence_is_filled_with_comments_between_events_only(gateway: Gateway) -> None:
    half = CHAT_STREAM[2]
    gateway.upstream.answers = [sse_answer(SILENCE, CHAT_STREAM[1], SILENCE, half[:9], SILENCE, half[9:])]

    answer = await gateway.chat(stream=True)

    comment = b": keep-alive\n\n"
    assert await collect(answer) == comment + CHAT_STREAM[1] + comment + half


async def test_endless_silence_cuts_the_stream(tmp_path: Any) -> None:
    from tests.shared.gateway.harness import CONFIG

    config = CONFIG.replace("region: eastus", "region: eastus, timeouts: {idle_s: 0.05}")
    gateway = Gateway(tmp_path, config)
    upstream = sse_answer(CHAT_STREAM[1], *[SILENCE] * 50)
    gateway.upstream.answers = [upstream]

    answer = await gateway.chat(stream=True)
    await collect_until_cut(answer)

    (usage_event,) = await gateway.settled()
    assert (usage_event["outcome"], usage_event["error_code"], usage_event["estimated"]) == (
        "stream_cut",
        "idle_timeout",
        True,
    )
    assert upstream.is_closed


async def test_a_cut_upstream_cuts_the_caller_and_what_was_produced_is_estimated(gateway: Gateway) -> None:
    gateway.upstream.answers = [sse_answer(*CHAT_STREAM[:3], ConnectionLost())]

    answer = await gateway.chat(stream=True)
    received = await collect_until_cut(answer)

    assert b"[DONE]" not in received
    (usage_event,) = await gateway.settled()
    assert (usage_event["outcome"], usage_event["status"], usage_event["estimated"]) == ("stream_cut", 200, True)
    assert usage_event["tokens"]["output_text"] == 1


async def test_a_caller_who_leaves_is_charged_what_the_provider_reports_in_the_end(gateway: Gateway) -> None:
    gateway.upstream.answers = [sse_answer(*CHAT_STREAM)]

    answer = await gateway.chat(stream=True)
    await leave_after(answer, 1)

    (usage_event,) = await gateway.settled()
    assert (usage_event["outcome"], usage_event["usage_source"]) == ("client_gone", "provider")
    assert usage_event["tokens"]["output_text"] == 2


async def test_draining_ends_at_its_cap_and_the_charge_is_an_estimate(gateway: Gateway) -> None:
    never = asyncio.Event()
    gateway.upstream.rule = lambda _: sse_answer(CHAT_STREAM[1], *[b": x" * 100_000 + b"\n\n"] * 100, never)

    answer = await gateway.chat(stream=True)
    await leave_after(answer, 1)

    (usage_event,) = await gateway.settled()
    assert (usage_event["outcome"], usage_event["estimated"]) == ("client_gone", True)


async def test_a_file_streams_through_as_it_is(gateway: Gateway) -> None:
    audio = [b"\x00\x01" * 50, b"\xff" * 20]
    gateway.upstream.answers = [Answer(200, {"content-type": "audio/mpeg", "content-length": "120"}, audio)]

    answer = await gateway.call(
        "POST", "/v1/audio/speech", {"model": "gpt-4o", "input": "Twelve chars", "voice": "alloy"}
    )

    assert await collect(answer) == b"".join(audio)
    assert dict(answer.headers)["content-length"] == "120"
    (usage_event,) = await gateway.settled()
    assert (usage_event["units"]["characters"], usage_event["usage_source"]) == (12, "request")


async def test_strange_events_pass_and_harm_nothing(gateway: Gateway) -> None:
    odd = [
        b": comment\r\n\r\n",
        b'data: {not json "usage":{\n\n',
        b'data: {"choices":[{"index":0,"content_filter_offsets":{"check_offset":1}}]}\n\n',
        b"retry: 5\n\n",
        b'data: "usage"\n\n',
        'data: {"choices":[{"delta":{"content":"æøå"}}]}\n\n'.encode(),
        b"data: [DONE]",
    ]
    gateway.upstream.answers = [sse_answer(*odd)]

    answer = await gateway.chat(stream=True)

    assert await collect(answer) == b"".join(odd)
    assert len(await gateway.settled()) == 1


async def test_an_answer_that_is_closed_before_anybody_reads_it_is_settled_at_once(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, "id: pol_a, scope: teams/research, max_concurrency: 1")
    gateway.upstream.answers = [sse_answer(*CHAT_STREAM)]
    answer = await gateway.chat(stream=True)
    assert (await gateway.chat()).status == 429

    await cast(AsyncGenerator[bytes], answer.body).aclose()

    assert (await gateway.chat()).status == 200
    left = next(item for item in await gateway.settled() if item["outcome"] == "client_gone")
    assert (left["usage_source"], left["tokens"]["output_text"]) == ("provider", 2)


async def test_an_answer_that_is_closed_twice_is_settled_once(gateway: Gateway) -> None:
    gateway.upstream.answers = [sse_answer(*CHAT_STREAM)]
    stream = cast(AsyncGenerator[bytes], (await gateway.chat(stream=True)).body)

    await stream.aclose()
    await stream.aclose()

    assert [item["outcome"] for item in await gateway.settled()] == ["client_gone"]
    assert [piece async for piece in stream] == []
