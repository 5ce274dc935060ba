"""Reads what an answer says of itself while it passes: usage, model, ids and errors; tolerant of whatever else is in it."""

import re
from collections.abc import Callable

import orjson

from shared.gateway.call import Call, Json, Seen, bounded
from shared.gateway.trace import tool_calls_in
from shared.usage.model import Usage
from shared.usage.reading import usage_from
from shared.wire.openai.endpoints import Kind, Meter
from shared.wire.sse import EventWatch, event_data

EVIDENCE = 256 * 1024
"""Bytes of a stream that are kept to estimate its tokens, should its usage never come."""

_CHAT = re.compile(
    rb'"usage"\s*:\s*\{|"choices"\s*:\s*\[\s*\]|"finish_reason"\s*:\s*"|"error"\s*:\s*\{|"service_tier"\s*:\s*"(?!auto"|default")|"tool_calls"\s*:\s*\[\s*\{[^{}]*"id"\s*:\s*"'
)
_RESPONSE = re.compile(
    rb'"response\.(?:created|queued|completed|failed|incomplete|cancelled)"|"type"\s*:\s*"error"|"error"\s*:\s*\{'
)
_OTHER = re.compile(rb'"usage"\s*:\s*\{|"error"\s*:\s*\{')
_INTERESTING = {Meter.CHAT: _CHAT, Meter.COMPLETION: _CHAT, Meter.RESPONSE: _RESPONSE}
_OUTPUT_IS = {Meter.IMAGE: "image", Meter.SPEECH: "audio"}


class StreamWatch:
    """Watches one stream on behalf of a call. `feed` and `finish` return what the caller may have."""

    def __init__(self, call: Call, on_answer: Callable[[Json], None]) -> None:
        self._seen = call.seen
        self._on_answer = on_answer
        self._meter = call.endpoint.meter
        self._hides_usage = call.hides_usage
        self._drops_empty = not call.matched.azure_shaped
        is_chat = self._meter in (Meter.CHAT, Meter.COMPLETION)
        # A stored response can be followed by whoever owns it, not only by the call that made it.
        tells = _RESPONSE if call.endpoint.owned is Kind.RESPONSE else _INTERESTING.get(self._meter, _OTHER)
        self._events = EventWatch(tells, self._look, cuts=is_chat)

    @property
    def is_at_border(self) -> bool:
        return self._events.is_at_border

    def feed(self, piece: bytes) -> bytes:
        seen = self._seen
        seen.bytes += len(piece)
        if len(seen.output) < EVIDENCE:
            seen.output += piece
        return self._events.feed(piece)

    def finish(self) -> bytes:
        return self._events.finish()

    def _look(self, event: bytes) -> bool:
        """Learn from one event and say whether the caller may have it."""
        parsed = parse_tolerantly(event_data(event))
        if parsed is None:
            return True
        answer = parsed.get("response")
        if isinstance(answer, dict):
            note_answer(self._seen, answer, self._meter)
            self._on_answer(answer)
        else:
            note_answer(self._seen, parsed, self._meter)
        return self._admits(parsed)

    def _admits(self, parsed: Json) -> bool:
        if parsed.get("choices") != []:
            return True
        if isinstance(parsed.get("usage"), dict):
            return not self._hides_usage
        return not self._drops_empty


def note_answer(seen: Seen, answer: Json, meter: Meter) -> None:
    """Take usage, identity and error from an answer, or from one event of a stream."""
    seen.note(answer)
    if (begun := tool_calls_in(answer)) is not None:
        seen.tool_calls = (seen.tool_calls or 0) + begun
    reported = tokens_in(answer, meter)
    if reported is not None:
        seen.usage = reported
    error = answer.get("error")
    if isinstance(error, dict):
        code = error.get("code") or error.get("type")
        seen.error_code = bounded(str(code))[:100] if code else "error"


def tokens_in(answer: Json, meter: Meter) -> Usage | None:
    """Return the usage that an answer reports, with what it does not break down in the bucket of its endpoint."""
    return usage_from(answer.get("usage"), _OUTPUT_IS.get(meter, "text"))


def parse_tolerantly(raw: bytes) -> Json | None:
    """Return the JSON object in the bytes, or None for anything else."""
    try:
        parsed = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) else None
