"""What a caller with a valid key may try, and must not get."""

import asyncio
from collections.abc import AsyncGenerator
from typing import cast

import orjson
import pytest

from shared.providers.port import ConnectionLost
from tests.shared.gateway.batch_files import form, line, uploaded
from tests.shared.gateway.harness import (
    CHAT_ANSWER,
    Answer,
    Gateway,
    error_of,
    event,
    header_of,
    json_answer,
    sse_answer,
)


async def test_a_caller_cannot_write_his_own_usage_into_a_long_answer(gateway: Gateway) -> None:
    echoed = {"type": "object", "properties": {"usage": {"input_tokens": 0, "output_tokens": 0}}}
    answer = {"id": "resp_1", "status": "completed", "usage": {"input_tokens": 70_046, "output_tokens": 4},
              "instructions": "x" * 300_000, "tools": [{"parameters": echoed}]}  # fmt: skip
    gateway.upstream.answers = [json_answer(answer)]

    await gateway.call("POST", "/v1/responses", {"model": "gpt-4o", "input": "x"})

    (usage,) = await gateway.settled()
    assert (usage["tokens"]["input_fresh"], usage["tokens"]["output_text"]) == (70_046, 4)


async def test_what_the_gateway_may_not_do_upstream_harms_nobody_else(gateway: Gateway) -> None:
    gateway.upstream.rule = lambda request: json_answer(CHAT_ANSWER) if "chat" in request.url else json_answer({}, 403)
    for _ in range(10):
        assert (await gateway.call("POST", "/v1/vector_stores", {})).status == 502

    assert (await gateway.chat()).status == 200


async def test_an_operation_that_fails_takes_no_other_with_it(gateway: Gateway) -> None:
    gateway.upstream.rule = lambda request: json_answer(CHAT_ANSWER) if "chat" in request.url else json_answer({}, 500)
    for _ in range(5):
        await gateway.call("POST", "/v1/embeddings", {"model": "gpt-4o", "input": "x"})

    assert (await gateway.chat()).status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/responses", b""),
        ("/openai/deployments/gpt-4o/chat/completions", b""),
        ("/v1/chat/completions", b'{"model":"both","messages":' + b"[" * 400 + b"]" * 400 + b"}"),
        ("/v1/realtime/client_secrets", b'{"session":{"model":"gpt-4o","x":' + b"[" * 400 + b"]" * 400 + b"}}"),
        ("/v1/chat/completions", b'{"model":"gpt-4o","messages":[' + b"{}," * 400_000 + b"{}]}"),
        ("/v1/embeddings", b'{"model":"gpt-4o","input":[' + b"1," * 400_000 + b"1]}"),
    ],
    ids=["empty", "empty azure", "deep", "deep session", "wide", "many numbers"],
)
async def test_shapes_that_break_readers_of_json_are_refused_or_served(
    gateway: Gateway, path: str, body: bytes
) -> None:
    answer = await gateway.call("POST", path, body)

    assert answer.status in (200, 400, 413)
    assert header_of(answer, "x-request-id")
    assert len(await gateway.settled()) == 1


@pytest.mark.parametrize("limit", ["9" * 5000, "0", "-1", "x", "\u0661"])
async def test_a_senseless_limit_is_a_400(gateway: Gateway, limit: str) -> None:
    answer = await gateway.call("GET", "/v1/files", query=f"limit={limit}")

    assert (answer.status, error_of(answer)["param"]) == (400, "limit")


MADE = {
    "id": "resp_1",
    "status": "completed",
    "metadata": {"container_id": "cntr_claimed"},
    "usage": {"input_tokens": 1, "output_tokens": 1},
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "content": [{"annotations": [{"type": "container_file_citation", "container_id": "cntr_2"}]}],
        },
        {"id": "ci_1", "type": "code_interpreter_call", "container_id": "cntr_1"},
    ],
}


@pytest.mark.parametrize("streams", [False, True])
async def test_only_what_a_response_really_made_is_its_callers(gateway: Gateway, streams: bool) -> None:
    stream = sse_answer(
        event(type="response.created", response={"id": "resp_1", "status": "in_progress"}),
        event(type="response.completed", response=MADE),
    )
    gateway.upstream.answers = [stream if streams else json_answer(MADE)]
    made = await gateway.call("POST", "/v1/responses", {"model": "gpt-4o", "input": "x", "stream": streams})
    if streams:
        assert not isinstance(made.body, bytes)
        async for _ in made.body:
            pass
    await gateway.settled()

    async def status(method: str, path: str, body: object = None, team: str = "research") -> int:
        return (await gateway.call(method, path, body, team=team)).status

    item = {"model": "gpt-4o", "input": [{"type": "item_reference", "id": "msg_1"}]}
    assert await status("GET", "/v1/containers/cntr_1") == 200
    assert await status("GET", "/v1/containers/cntr_2/files") == 200
    assert await status("GET", "/v1/containers/cntr_claimed") == 404
    assert await status("POST", "/v1/responses", item) == 200
    assert await status("POST", "/v1/responses", item, team="other") == 404
    assert await status("POST", "/v1/responses", {"model": "gpt-4o", "input": [{"id": "msg_1"}]}, team="other") == 404


@pytest.mark.parametrize("blanks", [0, 1, 31, 33, 2000])
@pytest.mark.parametrize("before", [0, 256 * 1024 - 40, 256 * 1024 - 10])
async def test_no_blanks_hide_an_item(gateway: Gateway, blanks: int, before: int) -> None:
    space = b" " * blanks
    reference = b'{"id"' + space + b":" + space + b'"msg_other"' + space + b"}"
    body = b'{"model":"gpt-4o","instructions":"' + b"x" * before + b'","input":[' + reference + b"]}"

    answer = await gateway.call("POST", "/v1/responses", body)

    assert (answer.status, error_of(answer)["code"]) == (404, "not_found")


async def test_a_delete_that_failed_leaves_the_owner(gateway: Gateway) -> None:
    gateway.upstream.answers = [json_answer({"id": "vs_1"}), json_answer({}, 409)]
    await gateway.call("POST", "/v1/vector_stores", {})

    await gateway.call("DELETE", "/v1/vector_stores/vs_1")

    assert (await gateway.call("GET", "/v1/vector_stores/vs_1")).status == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data; xboundary=A; boundary=B",
        "multipart/form-data; boundary=A; boundary=B",
        "multipart/form-data; boundary=B; boundary*0=A",
    ],
)
async def test_a_form_with_two_boundaries_is_refused(gateway: Gateway, content_type: str) -> None:
    answer = await gateway.call(
        "POST", "/v1/audio/transcriptions", form(("model", b"gpt-4o")), content_type=content_type
    )

    assert (answer.status, error_of(answer)["code"]) == (400, "invalid_form")


async def test_what_would_be_made_twice_is_not_tried_again(gateway: Gateway) -> None:
    await uploaded(gateway, line("gpt-4o"))
    gateway.upstream.sent.clear()
    gateway.upstream.rule = lambda _: ConnectionLost()

    await gateway.call("POST", "/v1/batches", {"input_file_id": "file-in"})

    assert len(gateway.upstream.sent) == 1


@pytest.mark.parametrize(("path", "bucket"), [("images/generations", "output_image"), ("audio/speech", "output_audio")])
async def test_output_without_details_is_what_its_endpoint_makes(gateway: Gateway, path: str, bucket: str) -> None:
    gateway.upstream.answers = [json_answer({"data": [{}], "usage": {"input_tokens": 3, "output_tokens": 4160}})]

    await gateway.call("POST", f"/v1/{path}", {"model": "gpt-4o", "prompt": "x", "input": "x"})

    (usage,) = await gateway.settled()
    assert usage["tokens"][bucket] == 4160


async def test_an_answer_that_breaks_off_was_made_and_is_estimated(gateway: Gateway) -> None:
    gateway.upstream.answers = [Answer(200, {"content-type": "application/json"}, [b'{"id":', ConnectionLost()])]

    answer = await gateway.chat()

    assert (answer.status, error_of(answer)["code"]) == (502, "upstream_unreachable")
    (usage,) = await gateway.settled()
    assert (usage["estimated"], usage["tokens"]["input_fresh"] > 0) == (True, True)


async def test_a_response_that_never_comes_to_its_end_was_cut(gateway: Gateway) -> None:
    gateway.upstream.answers = [
        sse_answer(event(type="response.created", response={"id": "resp_1", "status": "in_progress"}))
    ]

    answer = await gateway.call("POST", "/v1/responses", {"model": "gpt-4o", "input": "x", "stream": True})
    async for _ in cast(AsyncGenerator[bytes], answer.body):
        pass

    (usage,) = await gateway.settled()
    assert (usage["outcome"], usage["estimated"]) == ("stream_cut", True)


async def test_a_filtered_list_fills_its_pages(gateway: Gateway) -> None:
    for number, purpose in enumerate(["batch", *["assistants"] * 25]):
        gateway.upstream.answers = [json_answer({"id": f"file-{number}", "purpose": purpose})]
        await gateway.call(
            "POST",
            "/v1/files",
            form(("purpose", b"assistants"), file=b"x"),
            content_type="multipart/form-data; boundary=B",
        )
        gateway.clock.advance(1)
    gateway.upstream.rule = lambda request: json_answer({"id": request.url.rsplit("/", 1)[1]})

    answer = await gateway.call("GET", "/v1/files", query="purpose=batch")

    listed = orjson.loads(cast(bytes, answer.body))
    assert ([item["id"] for item in listed["data"]], listed["has_more"]) == (["file-0"], False)


async def test_the_memory_of_a_body_is_given_back_when_its_stream_ends(gateway: Gateway) -> None:
    wait = asyncio.Event()
    gateway.upstream.rule = lambda _: sse_answer(event(choices=[]), wait)
    body = orjson.dumps({"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": "x" * 900_000}]})

    streams = [await gateway.call("POST", "/v1/chat/completions", body) for _ in range(3)]
    refused = await gateway.call("POST", "/v1/chat/completions", body)
    assert (refused.status, error_of(refused)["code"]) == (503, "overloaded")

    wait.set()
    for stream in streams:
        async for _ in cast(AsyncGenerator[bytes], stream.body):
            pass
    await gateway.settled()
    again = await gateway.call("POST", "/v1/chat/completions", body)
    assert again.status == 200
    await cast(AsyncGenerator[bytes], again.body).aclose()
    await gateway.settled()
