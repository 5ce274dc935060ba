"""Estimates tokens where the provider reported none: a cut stream, a blocked prompt, an upstream that does not count."""

from collections.abc import Iterator

from shared.gateway.body import beside_others
from shared.gateway.call import Call, Json
from shared.gateway.spending.prompt import NO_TEXT, read_prompt
from shared.gateway.watch import EVIDENCE, parse_tolerantly
from shared.tokens.service import TokenCounter
from shared.usage.model import Source, TokenUsage, Units, Usage
from shared.wire.openai.endpoints import Meter
from shared.wire.sse import event_data

AUDIO_BYTES_PER_SECOND = 16_000
"""A recording of unknown length is taken for one of 128 kbit/s, the usual rate of the accepted formats."""

_TOKENISED = frozenset({Meter.CHAT, Meter.COMPLETION, Meter.RESPONSE, Meter.EMBEDDING})


async def estimate(call: Call, counter: TokenCounter, *, with_output: bool) -> Usage:
    """Return what the call probably used, marked as estimated."""
    meter, model = call.endpoint.meter, call.model or ""
    if meter is Meter.TRANSCRIPTION:
        size = call.content.form.file_bytes if call.content.form else 0
        return Usage(units=Units(audio_ms=size * 1000 // AUDIO_BYTES_PER_SECOND), source=Source.ESTIMATED)
    if meter not in _TOKENISED:
        return Usage(units=call.units, source=Source.ESTIMATED)
    read = await beside_others(call.request_bytes, read_prompt, call.content.json or {}, meter)
    prompt = await counter.count(model, read.text) + read.other_tokens
    output = await counter.count(model, produced_text(call.seen.output)) if with_output else 0
    if call.seen.bytes > EVIDENCE:
        output = output * call.seen.bytes // EVIDENCE
    tokens = TokenUsage(
        input_fresh=prompt,
        input_audio=read.audio_tokens,
        input_image=read.picture_tokens(model),
        output_text=output,
    )
    return Usage(tokens, source=Source.ESTIMATED)


def produced_text(stream: bytes | bytearray) -> str:
    """Return the text, tool arguments and reasoning in the deltas of a stream, or in a whole JSON answer."""
    raw = bytes(stream)
    if raw.lstrip().startswith(b"{"):
        whole = parse_tolerantly(raw)
        if whole is None:
            # It broke off: what there is of it stands for the text in it.
            return raw.decode("utf-8", "replace")
        return "".join(_strings(whole.get("choices") or whole.get("output")))
    pieces: list[str] = []
    for event in raw.replace(b"\r\n", b"\n").split(b"\n\n"):
        parsed = parse_tolerantly(event_data(event))
        if parsed is not None:
            pieces.extend(_delta_texts(parsed))
    return "".join(pieces)


def _delta_texts(event: Json) -> Iterator[str]:
    delta = event.get("delta")
    if isinstance(delta, str):
        yield delta
    choices = event.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            yield from _strings(choice.get("delta"))
            if isinstance(text := choice.get("text"), str):
                yield text


def _strings(root: object) -> Iterator[str]:
    """Yield the strings in a value, however deep; pictures and files are not text."""
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, list):
            pending.extend(reversed(node))
        elif isinstance(node, dict):
            pending.extend(value for key, value in reversed(node.items()) if key not in NO_TEXT)
