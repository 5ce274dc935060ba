"""Reads the messages of chat completions."""

from collections.abc import Sequence
from typing import Any

import orjson

from devhost.simulator.errors import bad_request
from devhost.simulator.language_model import Tool
from devhost.simulator.tokens import Segment

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_TOKENS_PER_MESSAGE = 3
_TOKENS_TO_START_REPLY = 3
_TOKENS_PER_IMAGE = 85


def check_messages(messages: Any) -> None:
    """Raise AzureError for messages that the service would refuse."""
    if not isinstance(messages, list):
        raise bad_request("Invalid type for 'messages': expected an array of objects.", "messages", "invalid_type")
    if not messages:
        raise bad_request("Invalid 'messages': empty array.", "messages", "empty_array")
    for index, message in enumerate(messages):
        name = f"messages[{index}]"
        if not isinstance(message, dict):
            raise bad_request(f"Invalid type for '{name}': expected an object.", name, "invalid_type")
        if message.get("role") not in _ROLES:
            raise bad_request(f"Invalid value for '{name}.role'.", f"{name}.role", "invalid_value")
        if not isinstance(message.get("content"), str | list | None):
            param = f"{name}.content"
            raise bad_request(f"Invalid type for '{param}'.", param, "invalid_type")


def segments_of(messages: Sequence[dict[str, Any]], tools: object) -> list[Segment]:
    """Return what is counted: the tools first, as they come first in the prompt."""
    segments: list[Segment] = [orjson.dumps(tools).decode()] if tools else []
    for message in messages:
        segments += [_TOKENS_PER_MESSAGE, message["role"]]
        segments += _content_segments(message.get("content"))
        if message.get("tool_calls"):
            segments.append(orjson.dumps(message["tool_calls"]).decode())
        if message.get("name"):
            segments += [1, str(message["name"])]
    return [*segments, _TOKENS_TO_START_REPLY]


def last_text(messages: Sequence[dict[str, Any]]) -> str:
    """Return what was said last, by the user or by a tool."""
    for message in reversed(messages):
        if message["role"] in ("user", "tool", "function"):
            return "".join(each for each in _content_segments(message.get("content")) if isinstance(each, str))
    return ""


def tools_of(body: dict[str, Any]) -> list[Tool]:
    """Return the functions among the tools."""
    functions = [tool.get("function") for tool in body.get("tools") or () if isinstance(tool, dict)]
    return [
        Tool(str(function.get("name")), function.get("parameters") or {"type": "object"})
        for function in functions
        if isinstance(function, dict)
    ]


def _content_segments(content: object) -> list[Segment]:
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [_part_segment(part) for part in parts if isinstance(part, dict)]


def _part_segment(part: dict[str, Any]) -> Segment:
    text = part.get("text", part.get("refusal"))
    return text if isinstance(text, str) else _TOKENS_PER_IMAGE
