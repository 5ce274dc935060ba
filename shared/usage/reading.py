"""Reads a provider's usage object into disjoint buckets, whatever dialect it is written in.

Chat says prompt and completion, Responses and images say input and output; the counts in the details are parts of the totals
(https://platform.openai.com/docs/api-reference/chat/object, /responses/object, /images/object).
"""

import logging
from collections.abc import Mapping

from shared.usage.model import Source, TokenUsage, Units, Usage

Json = Mapping[str, object]

MOST_TOKENS = 10**9
MOST_SECONDS = 10**6
"""More than this no single call uses: who reports it is mistaken, and must not spend what belongs to others."""

_log = logging.getLogger("tollgate.usage")


def usage_from(reported: object, output_is: str = "text") -> Usage | None:
    """Return the usage that a provider reported, or None where the object holds none that can be true.

    `output_is` names the bucket of output that the details say nothing of: pictures and speech often come without any.
    """
    if not isinstance(reported, Mapping):
        return None
    if reported.get("type") == "duration":
        return _of_seconds(reported.get("seconds"))
    total_input = _either(reported, "prompt_tokens", "input_tokens")
    total_output = _either(reported, "completion_tokens", "output_tokens")
    if total_input is None and total_output is None:
        return None
    if max(total_input or 0, total_output or 0) > MOST_TOKENS:
        _log.error("An upstream reports more than %d tokens for one call, which is not believed", MOST_TOKENS)
        return None
    tokens = TokenUsage(
        **_input(
            total_input or 0, _details(reported, "prompt_tokens_details", "input_tokens_details", "input_token_details")
        ),
        **_output(
            total_output or 0,
            _details(reported, "completion_tokens_details", "output_tokens_details", "output_token_details"),
            output_is,
        ),
    )
    return Usage(tokens=tokens, source=Source.PROVIDER)


def _input(total: int, details: Json) -> dict[str, int]:
    left = total
    parts = {}
    for bucket in ("cached", "cache_write", "audio", "image"):
        parts[f"input_{bucket}"] = part = min(left, _count(details.get(f"{bucket}_tokens")) or 0)
        left -= part
    return {**parts, "input_fresh": left}


def _output(total: int, details: Json, output_is: str) -> dict[str, int]:
    left = total
    parts = {"output_text": 0}
    told = ("reasoning", "audio", "image") if output_is == "text" else ("reasoning", "audio", "image", "text")
    for bucket in told:
        parts[f"output_{bucket}"] = part = min(left, _count(details.get(f"{bucket}_tokens")) or 0)
        left -= part
    parts[f"output_{output_is}"] += left
    return parts


def _details(reported: Json, *names: str) -> Json:
    for name in names:
        details = reported.get(name)
        if isinstance(details, Mapping):
            return details
    return {}


def _either(reported: Json, *names: str) -> int | None:
    for name in names:
        count = _count(reported.get(name))
        if count is not None:
            return count
    return None


def _count(value: object) -> int | None:
    """A count that can be trusted: a whole number, not negative, not a boolean."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return None


def _of_seconds(seconds: object) -> Usage | None:
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= MOST_SECONDS:
        return None
    return Usage(units=Units(audio_ms=round(seconds * 1000)), source=Source.PROVIDER)
