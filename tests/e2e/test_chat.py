import asyncio
from typing import Any

import openai as sdk
import pytest
from openai import AsyncOpenAI, AzureOpenAI, OpenAI

from tests.e2e.conftest import KEY, Tollgate

HELLO: Any = [{"role": "user", "content": "Say hello"}]


def test_an_answer_and_its_usage_event(openai: OpenAI, tollgate: Tollgate) -> None:
    raw = openai.chat.completions.with_raw_response.create(model="gpt-4o", messages=HELLO)
    answer = raw.parse()

    assert answer.choices[0].message.content
    event = tollgate.event_of(raw.headers["x-request-id"])
    assert answer.usage is not None
    assert sum(event["tokens"].values()) == answer.usage.total_tokens
    assert (event["team"], event["key"], event["cost_center"]) == ("demo", "vk_demo", "4711")
    assert (event["status"], event["outcome"], event["usage_source"]) == (200, "completed", "provider")
    assert raw.headers["x-gateway-deployment"] == event["deployment"] == "azure"


def test_streamed_usage_equals_unstreamed_usage(openai: OpenAI, tollgate: Tollgate) -> None:
    plain = openai.chat.completions.create(model="gpt-4o", messages=HELLO)
    with openai.chat.completions.with_streaming_response.create(model="gpt-4o", messages=HELLO, stream=True) as raw:
        request_id = raw.headers["x-request-id"]
        body = raw.read()

    assert body.endswith(b"data: [DONE]\n\n")
    assert b'"usage":{' not in body.replace(b" ", b"")
    event = tollgate.event_of(request_id)
    assert plain.usage is not None
    assert sum(event["tokens"].values()) == plain.usage.total_tokens
    assert event["streamed"] is True


def test_a_caller_who_asks_for_usage_gets_it(openai: OpenAI) -> None:
    stream = openai.chat.completions.create(
        model="gpt-4o", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)

    assert chunks[-1].usage is not None
    assert all(chunk.choices for chunk in chunks[:-1])


@pytest.mark.parametrize("path", ["azure_endpoint", "base_url"])
def test_azure_openai_works_by_swapping_its_endpoint(tollgate: Tollgate, path: str) -> None:
    where: dict[str, Any] = (
        {"azure_endpoint": tollgate.url} if path == "azure_endpoint" else {"base_url": f"{tollgate.url}/v1"}
    )
    with AzureOpenAI(**where, api_key=KEY, api_version="2025-04-01-preview", max_retries=0) as client:
        answer = client.chat.completions.create(model="gpt-4o", messages=HELLO)
        chunks = list(client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True))
        embedding = client.embeddings.create(model="text-embedding-3-small", input="x")

    assert answer.choices[0].message.content
    assert any(chunk.choices and chunk.choices[0].delta.content for chunk in chunks)
    assert embedding.data[0].embedding


async def test_many_callers_at_once_are_all_answered_and_all_counted(
    async_openai: AsyncOpenAI, tollgate: Tollgate
) -> None:
    before = len(tollgate.events())

    async def one(number: int) -> str:
        raw = await async_openai.chat.completions.with_raw_response.create(
            model="gpt-4o", messages=HELLO, user=str(number)
        )
        return raw.headers["x-request-id"]

    ids = await asyncio.gather(*(one(number) for number in range(60)))

    stored = tollgate.wait_for_events(lambda events: events if len(events) >= before + 60 else [])
    assert len(set(ids)) == 60
    assert set(ids) <= {event["id"] for event in stored}


def test_tools_and_structured_outputs(openai: OpenAI) -> None:
    tool: Any = {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
    called = openai.chat.completions.create(model="gpt-4o", messages=HELLO, tools=[tool], tool_choice="required")
    schema: Any = {
        "type": "json_schema",
        "json_schema": {
            "name": "n",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {"ok": {"type": "boolean"}},
                "required": ["ok"],
                "additionalProperties": False,
            },
        },
    }
    shaped = openai.chat.completions.create(model="gpt-4o", messages=HELLO, response_format=schema)

    assert called.choices[0].message.tool_calls
    assert '"ok"' in (shaped.choices[0].message.content or "")


def test_a_failing_deployment_is_replaced_without_the_caller_noticing(openai: OpenAI, tollgate: Tollgate) -> None:
    raw = openai.chat.completions.with_raw_response.create(model="with-fallback", messages=HELLO)

    assert (raw.headers["x-gateway-deployment"], raw.headers["x-gateway-attempts"]) == ("good", "2")
    attempts = tollgate.event_of(raw.headers["x-request-id"])["attempts"]
    assert [(attempt["deployment"], attempt["status"]) for attempt in attempts] == [("broken", 500), ("good", 200)]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("429-retry-after-ms=60000", sdk.RateLimitError),
        ("500", sdk.InternalServerError),
        ("content-filter", sdk.BadRequestError),
        ("hang", sdk.InternalServerError),
        ("reset", sdk.InternalServerError),
    ],
)
def test_faults_reach_the_caller_as_the_errors_his_sdk_knows(
    openai: OpenAI, tollgate: Tollgate, fault: str, error: type[sdk.APIStatusError]
) -> None:
    with pytest.raises(error) as raised:
        openai.chat.completions.create(model="gpt-4o", messages=HELLO, extra_headers={"x-simulator-fault": fault})

    event = tollgate.event_of(raised.value.response.headers["x-request-id"])
    assert event["status"] == raised.value.status_code
    if fault == "content-filter":
        assert raised.value.code == "content_filter"
        assert "innererror" in (raised.value.body or {})  # type: ignore[operator]
        assert event["estimated"] is True
    elif fault in ("hang", "reset"):
        # Nobody knows whether the upstream has made an answer and bills for it.
        assert event["estimated"] is True
    else:
        assert sum(event["tokens"].values()) == 0


def test_a_stream_that_the_upstream_cuts_does_not_end_cleanly(openai: OpenAI, tollgate: Tollgate) -> None:
    with openai.chat.completions.with_streaming_response.create(
        model="gpt-4o", messages=HELLO, stream=True, extra_headers={"x-simulator-fault": "cut=3"}
    ) as raw:
        request_id = raw.headers["x-request-id"]
        with pytest.raises(Exception, match=r"(?i)incomplete|closed|disconnected|chunked|peer"):
            raw.read()

    event = tollgate.event_of(request_id)
    assert (event["outcome"], event["estimated"]) == ("stream_cut", True)


def test_a_silent_stream_is_kept_alive(openai: OpenAI) -> None:
    with openai.chat.completions.with_streaming_response.create(
        model="gpt-4o", messages=HELLO, stream=True, extra_headers={"x-simulator-fault": "stall=1200"}
    ) as raw:
        body = raw.read()

    assert b": keep-alive\n\n" in body
    assert body.endswith(b"data: [DONE]\n\n")


def test_a_caller_who_leaves_in_the_middle_is_counted_exactly(openai: OpenAI, tollgate: Tollgate) -> None:
    with openai.chat.completions.with_streaming_response.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": "[[tokens=60]]"}],
        stream=True,
        extra_headers={"x-simulator-fault": "stall=500"},
    ) as raw:
        request_id = raw.headers["x-request-id"]
        next(iter(raw.iter_bytes(1)))

    event = tollgate.event_of(request_id)
    assert (event["outcome"], event["usage_source"]) == ("client_gone", "provider")
    assert event["tokens"]["output_text"] > 10
