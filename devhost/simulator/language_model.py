"""The simulated language model: deterministic replies with real token counts.

Markers in what the user says steer it: `[[tokens=N]]` asks for a reply of N tokens, `[[tool]]` for a call of the first tool.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from devhost.simulator.catalog import Deployment
from devhost.simulator.errors import context_exceeded
from devhost.simulator.example import example
from devhost.simulator.prompt_cache import PromptCache
from devhost.simulator.tokens import Segment, Tokenizer

_LENGTH = re.compile(r"\[\[tokens=(\d{1,6})\]\]")
_TOOL = "[[tool]]"
_QUOTED_CHARACTERS = 200
_BLOCKED_AFTER = 3
_REASONING = {"none": 0, "minimal": 0, "low": 64, "medium": 128, "high": 512, "xhigh": 1_024, "max": 1_024}


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written; cached and written ones are part of `prompt`, reasoning ones of `completion`."""

    prompt: int = 0
    cached: int = 0
    cache_writes: int | None = None
    completion: int = 0
    reasoning: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt + other.prompt,
            self.cached + other.cached,
            None,
            self.completion + other.completion,
            self.reasoning + other.reasoning,
        )

    def as_chat(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"audio_tokens": 0, **self._cache_details()},
            "completion_tokens_details": {
                "accepted_prediction_tokens": 0,
                "audio_tokens": 0,
                "reasoning_tokens": self.reasoning,
                "rejected_prediction_tokens": 0,
            },
        }

    def as_response(self) -> dict[str, Any]:
        return {
            "input_tokens": self.prompt,
            "input_tokens_details": self._cache_details(),
            "output_tokens": self.completion,
            "output_tokens_details": {"reasoning_tokens": self.reasoning},
            "total_tokens": self.prompt + self.completion,
        }

    def _cache_details(self) -> dict[str, int]:
        writes = {} if self.cache_writes is None else {"cache_write_tokens": self.cache_writes}
        return {"cached_tokens": self.cached, **writes}


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that may be called."""

    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """What a reply is asked to be; `choice` counts the replies to one prompt."""

    text: str
    limit: int | None = None
    stop: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    tool: Tool | None = None
    effort: str | None = None
    choice: int = 0
    is_blocked: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """The text, or the arguments of the tool call, one piece per token; `finish` in chat's words."""

    pieces: tuple[str, ...]
    finish: str
    tokens: int
    reasoning: int = 0
    tool: Tool | None = None
    text: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", "".join(self.pieces))


class LanguageModel:
    """Reads prompts and writes replies for every deployment that talks."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self._cache = PromptCache()

    async def read(self, deployment: Deployment, segments: Sequence[Segment], limit: int | None, param: str) -> Usage:
        """Return the usage of the prompt alone. Raises AzureError when it does not fit."""
        ids = await self.tokenizer.ids(segments, deployment.encoding)
        asked = len(ids) + (limit or 0)
        if asked > deployment.context_tokens:
            raise context_exceeded(deployment.context_tokens, asked, param)
        cached, boundary = self._cache.read(deployment.name, ids)
        return Usage(len(ids), cached, boundary - cached if deployment.bills_cache_writes else None)

    async def write(self, deployment: Deployment, ask: Ask) -> Reply:
        """Return the reply; reasoning is spent first and counts towards the limit."""
        reasoning = _REASONING.get(ask.effort or "low", 64) if deployment.reasons else 0
        if ask.limit is not None and ask.limit <= reasoning:
            return Reply((), "length", ask.limit, ask.limit)
        ids = await self.tokenizer.ids((self._text(ask),), deployment.encoding)
        finish = "tool_calls" if ask.tool else "stop"
        if ask.is_blocked:
            ids, finish = ids[:_BLOCKED_AFTER], "content_filter"
        elif ask.limit is not None and len(ids) > ask.limit - reasoning:
            ids, finish = ids[: ask.limit - reasoning], "length"
        pieces = tuple(self.tokenizer.pieces(ids, deployment.encoding))
        return Reply(pieces, finish, len(ids) + reasoning, reasoning, ask.tool)

    def _text(self, ask: Ask) -> str:
        if ask.tool:
            return orjson.dumps(example(ask.tool.parameters)).decode()
        if ask.schema is not None:
            return orjson.dumps(example(ask.schema)).decode()
        text = _spoken(ask)
        for stop in ask.stop:
            text = text.split(stop)[0] if stop else text
        return text


def _spoken(ask: Ask) -> str:
    if length := _LENGTH.search(ask.text):
        count = int(length[1])
        return "word" + " word" * (count - 1) if count else ""
    number = f" ({ask.choice + 1})" if ask.choice else ""
    return f"You said{number}: {ask.text[:_QUOTED_CHARACTERS]}"


def pick_tool(tools: Sequence[Tool], choice: object, text: str, is_answered: bool) -> Tool | None:
    """Return the tool to call: the one that was named, or the first when one is required or marked."""
    if not tools or choice == "none":
        return None
    if isinstance(choice, dict):
        named = (choice.get("function") or choice).get("name")
        return next((tool for tool in tools if tool.name == named), tools[0] if choice.get("mode") else None)
    wants = choice == "required" or (_TOOL in text and not is_answered)
    return tools[0] if wants else None
