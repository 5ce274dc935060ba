"""What clients tell of their sessions without knowing it, as it ends up in the usage event: counts and digests."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from shared.gateway.message import GatewayRequest
from shared.gateway.trace import AGENTS, OTHER, SESSION_HEADERS, agent_of, tool_calls_in
from tests.shared.gateway.harness import CHAT_ANSWER, Gateway, collect, event, json_answer, sse_answer

ID = "01a1fdbe-f5c4-7501-a5d1-3af04520f352"
RESPONSE = {
    "id": "resp_1", "object": "response", "status": "completed", "model": "gpt-4o", "output": [],
    "usage": {"input_tokens": 9, "output_tokens": 2},
}  # fmt: skip


async def _trace(
    gateway: Gateway, body: dict[str, Any] | None = None, path: str = "/v1/chat/completions", **headers: str
) -> dict[str, Any]:
    prompt = {"input": "hello"} if path.endswith("responses") else {"messages": [{"role": "user", "content": "hello"}]}
    if path.endswith("responses") and not gateway.upstream.answers:
        gateway.upstream.answers = [json_answer(RESPONSE)]
    answer = await gateway.call("POST", path, {"model": "gpt-4o", **prompt, **(body or {})}, **headers)
    if not isinstance(answer.body, bytes):
        await collect(answer)
    trace: dict[str, Any] = (await gateway.settled())[-1]["trace"]
    return trace


@pytest.mark.parametrize("header", SESSION_HEADERS)
async def test_every_known_header_names_the_session(gateway: Gateway, header: str) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield orjson.dumps({"model": "gpt-4o", "messages": []})

    headers = {"authorization": "Bearer sk-research-key", "content-type": "application/json", header: ID}
    await gateway.pipeline.handle(GatewayRequest("POST", "/v1/chat/completions", "", headers, [*headers.items()], body))
    assert (await gateway.settled())[-1]["trace"]["source"] == header


@pytest.mark.parametrize(
    ("body", "source"),
    [
        ({"metadata": {"session_id": ID}}, "metadata"),
        ({"metadata": {"thread_id": ID}}, "metadata"),
        ({"metadata": {"user_id": f"user_0a1b_account__session_{ID}"}}, "metadata"),
        ({"metadata": {"user_id": orjson.dumps({"device_id": "x", "session_id": ID}).decode()}}, "metadata"),
        ({"client_metadata": {"session_id": ID, "turn_id": "t"}}, "client_metadata"),
        ({"prompt_cache_key": ID}, "prompt_cache_key"),
    ],
)
async def test_so_do_the_places_in_the_body(gateway: Gateway, body: dict[str, Any], source: str) -> None:
    trace = await _trace(gateway, body)
    assert trace["source"] == source
    assert trace["session"] == (await _trace(gateway, x_gateway_session=ID))["session"]


async def test_what_codex_sends_is_one_session_by_its_header(gateway: Gateway) -> None:
    """As recorded from codex-cli 0.169."""
    body = {
        "input": [{"type": "message", "role": role, "content": []} for role in ("developer", "developer", "user", "user")],
        "tools": [{"type": "function", "name": "exec_command"}, {"type": "namespace", "name": "agents"}, {"type": "web_search"}],
        "store": False, "prompt_cache_key": ID, "client_metadata": {"session_id": ID, "thread_id": ID},
    }  # fmt: skip
    trace = await _trace(
        gateway, body, "/v1/responses", session_id=ID, thread_id=ID, originator="codex_exec",
        user_agent="codex_exec/0.169.0 (Debian 12.0.0; x86_64) xterm (codex_exec; 0.169.0)",
    )  # fmt: skip
    assert trace.pop("session") is not None
    assert trace == {
        "source": "session-id",
        "agent": "codex-exec",
        "turns": 2,
        "tools": 3,
        "tool_results": 0,
        "tool_calls": 0,
    }


async def test_a_user_is_no_session(gateway: Gateway) -> None:
    trace = await _trace(gateway, {"user": "ana", "safety_identifier": "ana", "metadata": {"user_id": "ana"}})
    assert "session" not in trace


async def test_the_same_id_in_another_team_is_another_session(gateway: Gateway) -> None:
    here = await _trace(gateway, x_gateway_session=ID)
    there = await _trace(gateway, x_gateway_session=ID, authorization="Bearer sk-other-key")
    assert here["session"] != there["session"]


async def test_neither_the_id_nor_a_word_is_kept(gateway: Gateway) -> None:
    trace = await _trace(
        gateway, {"messages": [{"role": "user", "content": "a secret"}]}, x_gateway_session="my-secret-project"
    )
    assert "secret" not in orjson.dumps(trace).decode()
    assert len(trace["session"]) == 16


@pytest.mark.parametrize("id", ["", "x" * 257])
async def test_what_cannot_be_an_id_is_none(gateway: Gateway, id: str) -> None:
    assert "session" not in await _trace(
        gateway, {"metadata": {"session_id": id}, "prompt_cache_key": 5, "conversation": []}
    )


async def test_the_header_of_the_gateway_stays_here(gateway: Gateway) -> None:
    await _trace(gateway, x_gateway_session=ID, x_gateway_tags="step=review")
    assert not [name for name, _ in gateway.upstream.sent[0].headers if name.startswith("x-gateway")]


async def test_a_chat_prompt_is_counted_by_roles(gateway: Gateway) -> None:
    roles = ["system", "user", "assistant", "tool", "tool", "assistant", "user"]
    trace = await _trace(gateway, {"messages": [{"role": role, "content": "x"} for role in roles], "tools": [{}, {}]})
    assert (trace["turns"], trace["tool_results"], trace["tools"]) == (2, 2, 2)


async def test_a_response_prompt_is_counted_by_items(gateway: Gateway) -> None:
    items = [
        {"role": "user", "content": "x"}, {"type": "function_call", "name": "f"}, {"type": "function_call_output", "output": "x"},
        {"type": "custom_tool_call_output"}, {"type": "reasoning"}, "odd", {"type": 5},
    ]  # fmt: skip
    trace = await _trace(gateway, {"input": items}, "/v1/responses")
    assert (trace["turns"], trace["tool_results"]) == (1, 2)


async def test_a_chat_answer_shows_its_calls_of_tools(gateway: Gateway) -> None:
    calls = [
        {"id": f"call_{number}", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        for number in range(3)
    ]
    choice = {
        "index": 0,
        "finish_reason": "tool_calls",
        "message": {"role": "assistant", "content": None, "tool_calls": calls},
    }
    gateway.upstream.answers = [json_answer({**CHAT_ANSWER, "choices": [choice]})]
    assert (await _trace(gateway))["tool_calls"] == 3


async def test_a_chat_stream_shows_them_as_they_begin(gateway: Gateway) -> None:
    def delta(*calls: dict[str, Any], reason: str | None = None) -> bytes:
        return event(
            id="c",
            model="gpt-4o",
            choices=[{"index": 0, "delta": {"tool_calls": [*calls]}, "finish_reason": reason}],
            usage=None,
        )

    gateway.upstream.answers = [
        sse_answer(
            delta({"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}),
            delta({"index": 0, "function": {"arguments": '{"id": "call_9"}'}}),
            delta({"index": 1, "id": "call_2", "type": "function", "function": {"name": "g", "arguments": ""}}),
            event(
                id="c", model="gpt-4o", choices=[{"index": 0, "delta": {}, "finish_reason": "tool_calls"}], usage=None
            ),
            event(id="c", model="gpt-4o", choices=[], usage={"prompt_tokens": 9, "completion_tokens": 2}),
            b"data: [DONE]\n\n",
        )
    ]
    assert (await _trace(gateway, {"stream": True}))["tool_calls"] == 2


async def test_a_response_stream_shows_them_at_its_end(gateway: Gateway) -> None:
    output = [
        {"type": kind, "id": kind} for kind in ("reasoning", "message", "function_call", "mcp_call", "custom_tool_call")
    ]
    gateway.upstream.answers = [
        sse_answer(
            event(type="response.created", response={**RESPONSE, "status": "in_progress"}),
            event(type="response.output_item.done", item=output[2]),
            event(type="response.completed", response={**RESPONSE, "output": output}),
        )
    ]
    assert (await _trace(gateway, {"stream": True}, "/v1/responses"))["tool_calls"] == 3


async def test_an_answer_that_ends_for_tools_calls_at_least_one(gateway: Gateway) -> None:
    choice = {
        "index": 0,
        "finish_reason": "function_call",
        "message": {"role": "assistant", "function_call": {"name": "f"}},
    }
    gateway.upstream.answers = [json_answer({**CHAT_ANSWER, "choices": [choice]})]
    assert (await _trace(gateway))["tool_calls"] == 1


async def test_what_is_continued_is_told(gateway: Gateway) -> None:
    gateway.upstream.answers = [json_answer(RESPONSE), json_answer(RESPONSE)]
    await _trace(gateway, {}, "/v1/responses")
    assert (await _trace(gateway, {"previous_response_id": "resp_1"}, "/v1/responses"))["previous"] == "resp_1"


@pytest.mark.parametrize(
    ("user_agent", "family"),
    [
        ("codex_cli_rs/0.98.0 (Mac OS 15.1; arm64) vscode/1.100", "codex"),
        ("codex_exec/0.169.0 (Debian 12.0.0; x86_64)", "codex-exec"),
        ("claude-cli/2.1.71 (external, cli)", "claude-code"),
        ("claude-cli/2.1.71 (external, sdk-py)", "claude-sdk"),
        ("opencode/1.0.3", "opencode"),
        ("AsyncOpenAI/Python 2.3.0", "openai-sdk"),
        ("OpenAI/JS 6.49.0", "openai-sdk"),
        ("Mozilla/5.0 (X11)", "browser"),
        ("", OTHER),
        ("<script>" * 1000, OTHER),
    ],
)
def test_clients_are_told_apart_by_family(user_agent: str, family: str) -> None:
    assert agent_of(user_agent) == family


def test_there_are_only_so_many_families() -> None:
    assert len({family for _, family in AGENTS}) < 40


@pytest.mark.parametrize("answer", [{}, {"output": None}, {"choices": "x"}, {"data": []}])
def test_other_answers_say_nothing_of_tools(answer: dict[str, Any]) -> None:
    assert tool_calls_in(answer) is None


@pytest.mark.parametrize("choice", [None, {}, {"message": []}, {"delta": {"tool_calls": [None, {"id": ""}]}}])
def test_odd_answers_show_no_calls(choice: object) -> None:
    assert tool_calls_in({"choices": [choice]}) == 0
