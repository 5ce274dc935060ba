"""What a call tells of the run of calls that it belongs to: a digest of the session's id, and counts. No word of what is said.

Where clients put the id of a session, as observed or documented:
Codex: headers `session-id` (before: `session_id`, `conversation_id`) and `thread-id`, body `client_metadata.session_id`, and the same id as
`prompt_cache_key`. Claude Code: header `x-claude-code-session-id`, body `metadata.user_id` that ends in `_session_<uuid>` or is JSON with
`session_id`. OpenCode: `x-opencode-session`, `x-session-id`. Roo Code and Cline: `x-roo-task-id`, `x-task-id`, `session_id`.
LangChain and others: `metadata.session_id`, `metadata.thread_id`.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256

import orjson

from shared.gateway.call import Call, Json, bounded
from shared.gateway.message import GatewayRequest
from shared.gateway.tags import tags_of
from shared.usage.model import NO_TRACE, Trace
from shared.wire.openai.endpoints import Meter

SESSION_HEADERS = (
    "x-gateway-session", "session-id", "session_id", "conversation_id", "x-claude-code-session-id", "x-opencode-session", "x-session-id",
    "x-roo-task-id", "x-task-id", "x-conversation-id", "thread-id",
)  # fmt: skip
_METADATA = ("session_id", "thread_id", "conversation_id")
_USER_SESSION = re.compile(r"_session_([0-9A-Za-z-]{8,64})$")
LONGEST_ID = 256

MOST_ITEMS = 2000
"""Messages of a prompt that are counted: more than an agent's context holds."""

AGENTS = (
    ("codex_exec", "codex-exec"),
    ("codex", "codex"),
    ("claude-cli", "claude-code"),
    ("opencode", "opencode"),
    ("roo-code", "roo-code"),
    ("cline", "cline"),
    ("aider", "aider"),
    ("cursor", "cursor"),
    ("copilot", "copilot"),
    ("continue", "continue"),
    ("geminicli", "gemini-cli"),
    ("qwencode", "qwen-code"),
    ("goose", "goose"),
    ("zed/", "zed"),
    ("agents/", "openai-agents"),
    ("langchain", "langchain"),
    ("llama-index", "llama-index"),
    ("semantic-kernel", "semantic-kernel"),
    ("pydantic-ai", "pydantic-ai"),
    ("litellm", "litellm"),
    ("ai-sdk", "ai-sdk"),
    ("openai/", "openai-sdk"),
    ("anthropic/", "anthropic-sdk"),
    ("mozilla/", "browser"),
    ("curl/", "curl"),
)
"""Families of clients by a part of their user agent, in lower case; the first that fits."""

OTHER = "other"
_HEADLESS_CLAUDE = re.compile(r"claude-cli/[^(]*\([^)]*\bsdk-")


def note_request(call: Call, request: GatewayRequest) -> None:
    """Keep what the request tells of its run, before its body is let go. Raises TagsInvalid."""
    call.tags = tags_of(call, request)
    if call.endpoint.meter is Meter.REQUEST:
        return
    body = call.content.json or {}
    session, source = next(_sessions(body, request), (None, None))
    turns, tool_results = _counted(body.get("messages", body.get("input")))
    previous, tools = body.get("previous_response_id"), body.get("tools")
    call.trace = Trace(
        session=_digest(call.caller.attribution.team, session) if session else None,
        source=source,
        previous=bounded(previous) if isinstance(previous, str) and previous else None,
        agent=agent_of(request.headers.get("user-agent", "")),
        turns=turns,
        tools=len(tools) if isinstance(tools, list) else 0,
        tool_results=tool_results,
    )


def trace_of(call: Call) -> Trace:
    """Return what the call's event tells of its run: what the request said, and the tools that the answer asks for."""
    trace, calls = call.trace, call.seen.tool_calls
    if trace is NO_TRACE or calls is None:
        return trace
    if call.seen.finish_reason in ("tool_calls", "function_call"):
        calls = max(calls, 1)
    return Trace(
        trace.session, trace.source, trace.previous, trace.agent, trace.turns, trace.tools, trace.tool_results, calls
    )


def tool_calls_in(answer: Json) -> int | None:
    """Return how many calls of tools begin in an answer or in one event of a stream; None where that is not its affair."""
    output, choices = answer.get("output"), answer.get("choices")
    if isinstance(output, list):
        return sum(1 for item in output if isinstance(item, dict) and _ends(item.get("type"), "_call"))
    if isinstance(choices, list):
        return sum(_begun(choice) for choice in choices if isinstance(choice, dict))
    return None


@lru_cache(1000)
def agent_of(user_agent: str) -> str:
    """Return the family that a client belongs to: one of a fixed set."""
    text = user_agent[:LONGEST_ID].lower()
    if _HEADLESS_CLAUDE.search(text):
        return "claude-sdk"
    return next((family for part, family in AGENTS if part in text), OTHER)


def _begun(choice: Json) -> int:
    """A streamed call of a tool shows its id once, with its first piece."""
    message = choice.get("message") or choice.get("delta")
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    return sum(1 for each in calls if isinstance(each, dict) and each.get("id")) if isinstance(calls, list) else 0


def _sessions(body: Json, request: GatewayRequest) -> Iterator[tuple[str, str]]:
    """Every id of a session that the request holds, the most reliable first. Ids of users are none."""
    headers = request.headers
    for name in SESSION_HEADERS:
        if name in headers and _is_id(value := headers[name]):
            yield value, name
    for place in ("metadata", "client_metadata"):
        if isinstance(metadata := body.get(place), dict):
            yield from ((metadata[key], place) for key in _METADATA if key in metadata and _is_id(metadata[key]))
            yield from _in_user_id(metadata.get("user_id"))
    conversation = body.get("conversation")
    if isinstance(conversation, dict):
        conversation = conversation.get("id")
    if _is_id(conversation):
        yield str(conversation), "conversation"
    if _is_id(key := body.get("prompt_cache_key")):
        yield str(key), "prompt_cache_key"


def _in_user_id(user_id: object) -> Iterator[tuple[str, str]]:
    if not isinstance(user_id, str) or len(user_id) > 4 * LONGEST_ID:
        return
    if found := _USER_SESSION.search(user_id):
        yield found[1], "metadata"
    elif user_id.startswith("{"):
        try:
            parsed = orjson.loads(user_id)
        except orjson.JSONDecodeError:
            return
        if _is_id(session := parsed.get("session_id")):
            yield session, "metadata"


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID


def _digest(team: str, session: str) -> str:
    """The same id in another team is another session, and nobody can look one up by what it was called."""
    return sha256(f"{team}\n{session}".encode("utf-8", "replace")).hexdigest()[:16]


def _counted(prompt: object) -> tuple[int | None, int | None]:
    """Return how many messages of people a prompt holds, and how many results of tools."""
    if isinstance(prompt, str):
        return 1, 0
    if not isinstance(prompt, list):
        return None, None
    turns = results = 0
    for item in prompt[:MOST_ITEMS]:
        if not isinstance(item, dict):
            continue
        role = item.get("role")
        if role == "user":
            turns += 1
        elif role in ("tool", "function") or (role is None and _ends(item.get("type"), "_call_output")):
            results += 1
    return turns, results


def _ends(kind: object, end: str) -> bool:
    return isinstance(kind, str) and kind.endswith(end)
