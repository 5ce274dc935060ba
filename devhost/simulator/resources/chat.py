"""POST /chat/completions, with the oddities of Azure's streams."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import batched
from time import time
from typing import Any

from devhost.simulator.catalog import Deployment, Operation
from devhost.simulator.checks import check_reasoning, check_stream_options, check_types, required
from devhost.simulator.content_filter import blocked_completion, prompt_results, safe_completion
from devhost.simulator.errors import operation_not_supported
from devhost.simulator.exchange import DONE, Answer, Call, Json, ModelIn, Route, Stream, answer, event
from devhost.simulator.language_model import Ask, LanguageModel, Reply, Usage, pick_tool
from devhost.simulator.resources.messages import check_messages, last_text, segments_of, tools_of
from devhost.simulator.store import new_id

_EMPTY_CHUNK = {"created": 0, "id": "", "model": "", "object": ""}


@dataclass(frozen=True, slots=True)
class _Completion:
    id: str
    created: int
    model: str
    replies: Sequence[Reply]
    call_ids: Sequence[str]
    usage: Usage


class ChatCompletions:
    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    def routes(self) -> tuple[Route, ...]:
        return (Route("POST", "chat/completions", self.create, ModelIn.BODY, by_deployment=True),)

    async def create(self, call: Call) -> Answer | Stream:
        deployment, body = call.deployment, call.json
        _check(deployment, body)
        completion = await self._complete(deployment, body, "content-filter-output" in call.faults)
        if body.get("stream"):
            return Stream(_events(completion, body, "garbage-sse" in call.faults))
        return answer(_whole(completion))

    async def _complete(self, deployment: Deployment, body: Json, is_blocked: bool) -> _Completion:
        messages = body["messages"]
        text = last_text(messages)
        limit = body.get("max_completion_tokens") or body.get("max_tokens")
        prompt = await self._model.read(deployment, segments_of(messages, body.get("tools")), limit, "messages")
        tool = pick_tool(tools_of(body), body.get("tool_choice"), text, messages[-1]["role"] == "tool")
        stop = body.get("stop") or ()
        ask = Ask(
            text=text,
            limit=limit,
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
            schema=_schema(body.get("response_format")),
            tool=tool,
            effort=body.get("reasoning_effort"),
            is_blocked=is_blocked,
        )
        replies = [
            await self._model.write(deployment, replace(ask, choice=choice)) for choice in range(body.get("n") or 1)
        ]
        usage = replace(
            prompt,
            completion=sum(reply.tokens for reply in replies),
            reasoning=sum(reply.reasoning for reply in replies),
        )
        calls = [new_id("call_") for _ in replies]
        return _Completion(new_id("chatcmpl-"), int(time()), deployment.model, replies, calls, usage)


def _check(deployment: Deployment, body: Json) -> None:
    if Operation.CHAT not in deployment.operations:
        raise operation_not_supported(Operation.CHAT, deployment.model)
    check_messages(required(body, "messages"))
    check_types(body)
    check_stream_options(body)
    if deployment.reasons:
        check_reasoning(body)


def _schema(response_format: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    match (response_format or {}).get("type"):
        case "json_schema":
            schema: Mapping[str, Any] = (response_format or {}).get("json_schema", {}).get("schema", {})
            return schema
        case "json_object":
            return {"type": "object", "required": ["answer"], "properties": {"answer": {"type": "string"}}}
    return None


def _filter_results(reply: Reply) -> dict[str, Any]:
    return blocked_completion() if reply.finish == "content_filter" else safe_completion()


def _whole(completion: _Completion) -> Json:
    return {
        "choices": [_choice(completion, index, reply) for index, reply in enumerate(completion.replies)],
        "created": completion.created,
        "id": completion.id,
        "model": completion.model,
        "object": "chat.completion",
        "prompt_filter_results": prompt_results(),
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
        "usage": completion.usage.as_chat(),
    }


def _choice(completion: _Completion, index: int, reply: Reply) -> Json:
    message: Json = {"annotations": [], "content": reply.text, "refusal": None, "role": "assistant"}
    if reply.tool:
        function = {"name": reply.tool.name, "arguments": reply.text}
        message["content"] = None
        message["tool_calls"] = [{"id": completion.call_ids[index], "type": "function", "function": function}]
    return {
        "content_filter_results": {} if reply.tool else _filter_results(reply),
        "finish_reason": reply.finish,
        "index": index,
        "logprobs": None,
        "message": message,
    }


def _events(completion: _Completion, body: Json, is_odd: bool) -> Iterator[bytes]:
    includes_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    shared: Json = {
        "created": completion.created,
        "id": completion.id,
        "model": completion.model,
        "object": "chat.completion.chunk",
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
        **({"usage": None} if includes_usage else {}),
    }
    yield event({"choices": [], **_EMPTY_CHUNK, "prompt_filter_results": prompt_results()})
    for index, reply in enumerate(completion.replies):
        for delta in _deltas(reply, completion.call_ids[index]):
            yield event({"choices": [_delta_choice(index, delta, None, {})], **shared})
        if is_odd:
            yield event({"choices": [_annotation(index, len(reply.text))], **_EMPTY_CHUNK})
        yield event({"choices": [_delta_choice(index, {}, reply.finish, _filter_results(reply))], **shared})
    if includes_usage:
        yield event({"choices": [], **shared, "usage": completion.usage.as_chat()})
    yield DONE


def _delta_choice(index: int, delta: Json, finish: str | None, results: dict[str, Any]) -> Json:
    return {
        "content_filter_results": results,
        "delta": delta,
        "finish_reason": finish,
        "index": index,
        "logprobs": None,
    }


def _deltas(reply: Reply, call_id: str) -> Iterator[Json]:
    yield {"content": None if reply.tool else "", "refusal": None, "role": "assistant"}
    if not reply.tool:
        yield from ({"content": piece} for piece in reply.pieces if piece)
        return
    opening = {"name": reply.tool.name, "arguments": ""}
    yield {"tool_calls": [{"index": 0, "id": call_id, "type": "function", "function": opening}]}
    for pieces in batched(reply.pieces, 3, strict=False):
        yield {"tool_calls": [{"index": 0, "function": {"arguments": "".join(pieces)}}]}


def _annotation(index: int, length: int) -> Json:
    """What the asynchronous filter sends: a choice without a delta."""
    offsets = {"check_offset": length, "start_offset": 0, "end_offset": length}
    return {
        "content_filter_offsets": offsets,
        "content_filter_results": safe_completion(),
        "finish_reason": None,
        "index": index,
    }
