"""What a call will probably use, known before it is made: what is reserved for it."""

from dataclasses import dataclass

from shared.gateway.body import beside_others
from shared.gateway.call import Call, Json
from shared.gateway.estimate import AUDIO_BYTES_PER_SECOND, prompt_text
from shared.runtime import Runtime
from shared.usage.model import NO_UNITS, TokenUsage, Units, Usage
from shared.wire.openai.endpoints import Meter

OUTPUT_MEMBERS = ("max_completion_tokens", "max_output_tokens", "max_tokens")
TOKENISED = frozenset({Meter.CHAT, Meter.COMPLETION, Meter.RESPONSE, Meter.EMBEDDING})
GENERATING = frozenset({Meter.CHAT, Meter.COMPLETION, Meter.RESPONSE})

ASCII_PER_TOKEN = 3
"""Characters of ASCII text that a token has at least, but for the densest text; the usual is four to five."""

PICTURE_TOKENS = 1_105
"""A picture in a prompt: what a 2048 by 1024 one in high detail is (https://platform.openai.com/docs/guides/images-vision)."""

MADE_PICTURE_TOKENS = 6_240
"""A generated picture: the most that a high-quality portrait takes (same source)."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """`is_exact` says that the prompt's tokens were counted, not guessed from its length."""

    prompt: int
    output: int
    is_exact: bool = False
    units: Units = NO_UNITS

    @property
    def tokens(self) -> int:
        return self.prompt + self.output


async def forecast(call: Call, runtime: Runtime, *, exactly: bool = False) -> Forecast:
    """Foresee the use of a call. Guessing takes microseconds; counting exactly takes milliseconds, in another thread."""
    meter = call.endpoint.meter
    if meter is Meter.REQUEST:
        return Forecast(0, 0, is_exact=True)
    body = call.content.json or {}
    if meter in TOKENISED:
        text, framing = await beside_others(call.request_bytes, prompt_text, body)
        pictures = (call.content.raw or b"").count(b'image_url"') * PICTURE_TOKENS
        counted = await runtime.counter.count(call.model or "", text) if exactly else guessed(text)
        return Forecast(counted + framing + pictures, _output(call, body, runtime), exactly)
    if meter is Meter.SPEECH:
        spoken = body.get("input")
        characters = len(spoken) if isinstance(spoken, str) else 0
        return Forecast(guessed(str(spoken or "")), characters * 2, units=Units(characters=characters))
    if meter is Meter.TRANSCRIPTION:
        seconds = (call.content.form.file_bytes if call.content.form else 0) // AUDIO_BYTES_PER_SECOND + 1
        return Forecast(seconds * 10, seconds * 10, units=Units(audio_ms=seconds * 1000))
    wanted = _count(call.content.form.value("n") if call.content.form else body.get("n"))
    return Forecast(guessed(str(body.get("prompt") or "")), wanted * MADE_PICTURE_TOKENS, units=Units(images=wanted))


def guessed(text: str) -> int:
    """Guess the tokens of a text, rather too many than too few."""
    return len(text) // ASCII_PER_TOKEN + 1 if text.isascii() else len(text)


def asked_output(body: Json) -> tuple[str, int] | None:
    """Return the member that limits the output, and its value."""
    for name in OUTPUT_MEMBERS:
        value = body.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return name, value
    return None


def _output(call: Call, body: Json, runtime: Runtime) -> int:
    if call.endpoint.meter not in GENERATING:
        return 0
    asked = asked_output(body)
    each = asked[1] if asked else runtime.outputs.p95((call.model or "", call.endpoint.name))
    return each * max(_count(body.get("n")), _count(body.get("best_of")))


def _count(value: object) -> int:
    if isinstance(value, str) and value.isdecimal():
        value = int(value[:6])
    return max(1, value) if isinstance(value, int) and not isinstance(value, bool) else 1


def usage_of(foreseen: Forecast, meter: Meter) -> Usage:
    """Return the forecast as usage, in the buckets of its endpoint, so that it can be priced."""
    if meter is Meter.IMAGE:
        return Usage(TokenUsage(input_fresh=foreseen.prompt, output_image=foreseen.output), foreseen.units)
    if meter is Meter.SPEECH:
        return Usage(TokenUsage(input_fresh=foreseen.prompt, output_audio=foreseen.output), foreseen.units)
    if meter is Meter.TRANSCRIPTION:
        return Usage(TokenUsage(input_audio=foreseen.prompt, output_text=foreseen.output), foreseen.units)
    return Usage(TokenUsage(input_fresh=foreseen.prompt, output_text=foreseen.output))
