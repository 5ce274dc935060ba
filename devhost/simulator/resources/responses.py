"""/responses: created, streamed, kept, continued, run in the background."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import time
from typing import Any

from devhost.simulator.catalog import Deployment, Operation
from devhost.simulator.checks import check_reasoning, check_types
from devhost.simulator.errors import AzureError, bad_request, operation_not_supported
from devhost.simulator.exchange import Answer, Call, Json, ModelIn, Route, Stream, answer, event
from devhost.simulator.language_model import Ask, LanguageModel, Reply, pick_tool
from devhost.simulator.resources.response_events import events_of
from devhost.simulator.resources.response_items import (
    ends_with_output,
    items_of,
    last_text,
    output_item,
    reasoning_item,
    segments_of,
    tools_of,
)
from devhost.simulator.store import new_id, paged

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
_NEXT_STATUS = {"queued": "in_progress", "in_progress": "done"}


@dataclass(slots=True)
class _Kept:
    """A stored response: what it read, what it is, and its events if it was streamed."""

    response: Json
    conversation: list[Json]
    input_items: list[Json]
    events: list[Json] | None
    shown_status: str | None = None


class Responses:
    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._kept: dict[str, _Kept] = {}

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "responses", self.create, ModelIn.BODY),
            Route("POST", "responses/input_tokens", self.count, ModelIn.BODY),
            Route("POST", "responses/compact", self.compact, ModelIn.BODY),
            Route("GET", "responses/{id}", self.retrieve),
            Route("DELETE", "responses/{id}", self.delete),
            Route("POST", "responses/{id}/cancel", self.cancel),
            Route("GET", "responses/{id}/input_items", self.input_items),
        )

    async def create(self, call: Call) -> Answer | Stream:
        deployment, body = call.deployment, call.json
        _check(deployment, body)
        own = items_of(body.get("input"))
        conversation = [*self._earlier(body), *own]
        reply, response = await self._respond(deployment, body, conversation, "content-filter-output" in call.faults)
        events = events_of(response, reply) if body.get("stream") else None
        if body.get("store") is not False:
            shown = "queued" if body.get("background") and events is None else None
            heard = [*conversation, *response["output"]]
            self._kept[response["id"]] = _Kept(response, heard, own, events, shown)
        if events is not None:
            return Stream(event(each, each["type"]) for each in events)
        return answer(_queued(response) if body.get("background") else response)

    async def count(self, call: Call) -> Answer:
        items = [*self._earlier(call.json), *items_of(call.json.get("input"))]
        segments = segments_of(items, call.json.get("instructions"), call.json.get("tools"))
        ids = await self._model.tokenizer.ids(segments, call.deployment.encoding)
        return answer({"object": "response.input_tokens", "input_tokens": len(ids)})

    async def compact(self, call: Call) -> Answer:
        items = [*self._earlier(call.json), *items_of(call.json.get("input"))]
        segments = segments_of(items, call.json.get("instructions"), None)
        prompt = await self._model.read(call.deployment, segments, None, "input")
        reply = await self._model.write(call.deployment, Ask("the conversation so far"))
        said = [item for item in items if item.get("role") == "user"]
        summary = {"id": new_id("cmp_"), "type": "compaction", "encrypted_content": "c2ltdWxhdGVk"}
        usage = replace(prompt, completion=reply.tokens, reasoning=reply.reasoning)
        return answer(
            {
                "id": new_id("resp_"),
                "object": "response.compaction",
                "created_at": int(time()),
                "output": [*said, summary],
                "usage": usage.as_response(),
            }
        )

    async def retrieve(self, call: Call) -> Answer | Stream:
        kept = self._find(call.ids[0])
        if call.query.get("stream") == "true":
            return _replay(kept, call.query.get("starting_after", "-1"))
        if kept.shown_status is None:
            return answer(kept.response)
        kept.shown_status = _NEXT_STATUS[kept.shown_status]
        if kept.shown_status == "done":
            kept.shown_status = None
            return answer(kept.response)
        return answer({**_queued(kept.response), "status": kept.shown_status})

    async def delete(self, call: Call) -> Answer:
        self._find(call.ids[0])
        del self._kept[call.ids[0]]
        return answer({"id": call.ids[0], "object": "response", "deleted": True})

    async def cancel(self, call: Call) -> Answer:
        kept = self._find(call.ids[0])
        if not kept.response["background"]:
            raise bad_request("Only a response that was created with background=true can be cancelled.", "response_id")
        if kept.shown_status is not None:
            kept.response = {**_queued(kept.response), "status": "cancelled"}
            kept.shown_status = None
        return answer(kept.response)

    async def input_items(self, call: Call) -> Answer:
        items = self._find(call.ids[0]).input_items
        return answer(paged(items if call.query.get("order") == "asc" else items[::-1], call.query))

    def _earlier(self, body: Json) -> list[Json]:
        previous = body.get("previous_response_id")
        if previous is None:
            return []
        kept = self._kept.get(previous)
        if kept is None:
            message = f"Previous response with id '{previous[:100]}' not found."
            raise bad_request(message, "previous_response_id", "previous_response_not_found")
        return kept.conversation

    def _find(self, response_id: str) -> _Kept:
        if response_id not in self._kept:
            raise _not_found(response_id)
        return self._kept[response_id]

    async def _respond(
        self, deployment: Deployment, body: Json, conversation: list[Json], is_blocked: bool
    ) -> tuple[Reply, Json]:
        limit = body.get("max_output_tokens")
        segments = segments_of(conversation, body.get("instructions"), body.get("tools"))
        prompt = await self._model.read(deployment, segments, limit, "input")
        text = last_text(conversation)
        ask = Ask(
            text=text,
            limit=limit,
            schema=_schema(body.get("text")),
            tool=pick_tool(tools_of(body), body.get("tool_choice"), text, ends_with_output(conversation)),
            effort=(body.get("reasoning") or {}).get("effort"),
            is_blocked=is_blocked,
        )
        reply = await self._model.write(deployment, ask)
        output = [reasoning_item(body)] if deployment.reasons else []
        if reply.pieces or not deployment.reasons:
            output.append(output_item(reply))
        usage = replace(prompt, completion=reply.tokens, reasoning=reply.reasoning)
        return reply, {**_described(deployment, body, reply), "output": output, "usage": usage.as_response()}


def _not_found(response_id: str) -> AzureError:
    return bad_request(f"Response with id '{response_id[:100]}' not found.", status=404)


def _check(deployment: Deployment, body: Json) -> None:
    if Operation.RESPONSE not in deployment.operations:
        raise operation_not_supported(Operation.RESPONSE, deployment.model)
    check_types(body)
    if "include_usage" in (body.get("stream_options") or {}):
        message = "Unknown parameter: 'stream_options.include_usage'."
        raise bad_request(message, "stream_options.include_usage", "unknown_parameter")
    if body.get("max_tokens") is not None or body.get("messages") is not None:
        name = "max_tokens" if body.get("max_tokens") is not None else "messages"
        raise bad_request(
            f"Unsupported parameter: '{name}' is not a parameter of responses.", name, "unsupported_parameter"
        )
    if body.get("input") is None and body.get("previous_response_id") is None and body.get("prompt") is None:
        raise bad_request("Missing required parameter: 'input'.", "input", "missing_required_parameter")
    if body.get("background") and body.get("store") is False:
        raise bad_request("'background' requires 'store'.", "background", "invalid_value")
    if deployment.reasons:
        check_reasoning(body)


def _schema(text: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    wanted = (text or {}).get("format") or {}
    match wanted.get("type"):
        case "json_schema":
            schema: Mapping[str, Any] = wanted.get("schema") or {}
            return schema
        case "json_object":
            return {"type": "object", "required": ["answer"], "properties": {"answer": {"type": "string"}}}
    return None


def _described(deployment: Deployment, body: Json, reply: Reply) -> Json:
    reason = _INCOMPLETE.get(reply.finish)
    return {
        "id": new_id("resp_"),
        "object": "response",
        "created_at": int(time()),
        "completed_at": int(time()),
        "status": "incomplete" if reason else "completed",
        "background": bool(body.get("background")),
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "metadata": body.get("metadata") or {},
        "model": deployment.name,
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": {"effort": (body.get("reasoning") or {}).get("effort"), "summary": None},
        "service_tier": "default",
        "store": body.get("store") is not False,
        "temperature": body.get("temperature") if body.get("temperature") is not None else 1.0,
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "top_p": body.get("top_p") if body.get("top_p") is not None else 1.0,
        "truncation": body.get("truncation") or "disabled",
        "user": body.get("user"),
    }


def _queued(response: Json) -> Json:
    return {**response, "status": "queued", "output": [], "usage": None, "completed_at": None}


def _replay(kept: _Kept, starting_after: str) -> Stream:
    if kept.events is None:
        raise bad_request("Only a response that was created with stream=true can be streamed.", "stream")
    if not starting_after.lstrip("-").isdecimal():
        raise bad_request("Invalid 'starting_after'.", "starting_after", "invalid_value")
    rest = [each for each in kept.events if each["sequence_number"] > int(starting_after)]
    return Stream(event(each, each["type"]) for each in rest)
