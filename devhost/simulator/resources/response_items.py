"""Reads the input of the Responses API and makes the items of its output."""

from collections.abc import Sequence
from typing import Any

import orjson

from devhost.simulator.errors import bad_request
from devhost.simulator.exchange import Json
from devhost.simulator.language_model import Reply, Tool
from devhost.simulator.store import new_id
from devhost.simulator.tokens import Segment

_TOKENS_PER_ITEM = 3
_TOKENS_TO_START_REPLY = 3
_TOKENS_PER_IMAGE = 85
_TEXT_PARTS = ("input_text", "output_text", "text", "summary_text")


def items_of(value: object) -> list[Json]:
    """Return the input as items with ids. Raises AzureError for what is neither text nor an array of objects."""
    if value is None:
        return []
    if isinstance(value, str):
        return [_message(value)]
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise bad_request("Invalid type for 'input': expected text or an array of items.", "input", "invalid_type")
    return [{"id": new_id("msg_"), "type": "message", **item} for item in value]


def segments_of(items: Sequence[Json], instructions: str | None, tools: object) -> list[Segment]:
    """Return what is counted, in the order of the prompt."""
    segments: list[Segment] = [orjson.dumps(tools).decode()] if tools else []
    if instructions:
        segments += [_TOKENS_PER_ITEM, instructions]
    for item in items:
        segments += [_TOKENS_PER_ITEM, *_item_segments(item)]
    return [*segments, _TOKENS_TO_START_REPLY]


def last_text(items: Sequence[Json]) -> str:
    """Return what was said last, by the user or by a tool."""
    for item in reversed(items):
        if item.get("role") == "user" or str(item["type"]).endswith("_output"):
            return "".join(each for each in _item_segments(item) if isinstance(each, str))
    return ""


def ends_with_output(items: Sequence[Json]) -> bool:
    """Whether the last item answers a tool call."""
    return bool(items) and str(items[-1]["type"]).endswith("_output")


def tools_of(body: Json) -> list[Tool]:
    """Return the functions among the tools; every other type passes unread."""
    return [
        Tool(str(tool.get("name")), tool.get("parameters") or {"type": "object"})
        for tool in body.get("tools") or ()
        if isinstance(tool, dict) and tool.get("type") == "function"
    ]


def reasoning_item(body: Json) -> Json:
    """Return the reasoning item, with what the request asked to see of it."""
    item: Json = {"id": new_id("rs_"), "type": "reasoning", "summary": []}
    if (body.get("reasoning") or {}).get("summary"):
        item["summary"] = [{"type": "summary_text", "text": "The user said something; it is said back."}]
    if "reasoning.encrypted_content" in (body.get("include") or ()):
        item["encrypted_content"] = "c2ltdWxhdGVk"
    return item


def output_item(reply: Reply) -> Json:
    """Return the reply as a message or a function call."""
    status = "completed" if reply.finish in ("stop", "tool_calls") else "incomplete"
    if reply.tool:
        return {
            "id": new_id("fc_"),
            "type": "function_call",
            "status": status,
            "call_id": new_id("call_"),
            "name": reply.tool.name,
            "arguments": reply.text,
        }
    part = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
    return {"id": new_id("msg_"), "type": "message", "status": status, "role": "assistant", "content": [part]}


def _message(text: str) -> Json:
    content = [{"type": "input_text", "text": text}]
    return {"id": new_id("msg_"), "type": "message", "role": "user", "status": "completed", "content": content}


def _item_segments(item: Json) -> list[Segment]:
    content: Any = item.get("content", item.get("output"))
    if isinstance(content, str):
        return [content]
    if isinstance(content, list):
        return [_part_segment(part) for part in content if isinstance(part, dict)]
    # Ids are new in every request and would spoil the cache.
    return [orjson.dumps({key: value for key, value in item.items() if key != "id"}).decode()]


def _part_segment(part: Json) -> Segment:
    if part.get("type") in _TEXT_PARTS or isinstance(part.get("text"), str):
        return str(part.get("text", ""))
    return _TOKENS_PER_IMAGE
