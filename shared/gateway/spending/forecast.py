"""What a call will probably use, known before it is made: what is reserved for it."""

from dataclasses import dataclass, replace

from shared.gateway.body import beside_others
from shared.gateway.call import Call, Json
from shared.gateway.spending.estimate import AUDIO_BYTES_PER_SECOND
from shared.gateway.spending.members import MOST, choices, obeyed, pictures_of_form, prompts
from shared.gateway.spending.prompt import Prompt, bound, read_prompt
from shared.runtime import Runtime
from shared.usage.model import NO_UNITS, TokenUsage, Units, Usage
from shared.wire.openai.endpoints import Kind, Meter

TOKENISED = frozenset({Meter.CHAT, Meter.COMPLETION, Meter.RESPONSE, Meter.EMBEDDING})
GENERATING = frozenset({Meter.CHAT, Meter.COMPLETION, Meter.RESPONSE})

MADE_PICTURE_TOKENS = 6_240
"""A generated picture: the most that a high-quality portrait takes (https://platform.openai.com/docs/guides/images-vision)."""

SHOWN_PICTURE_TOKENS = 6_240
"""A picture that is to be edited, looked at closely."""

HISTORY_TOKENS = 16_000
"""What went before in a response or conversation that this process knows nothing of."""

LEAST_PART = 10
"""Where the output or something hidden is only guessed, a call may go with this part of the guess."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """`is_exact` says that the prompt's text was counted, not bounded by its bytes; `is_open` that the caller set no limit of output.

    `hidden` is guessed and stands beside `prompt`; `audio` and `pictures` are parts of `prompt`.
    """

    prompt: int
    output: int
    is_exact: bool = False
    units: Units = NO_UNITS
    hidden: int = 0
    audio: int = 0
    pictures: int = 0
    is_open: bool = False

    @property
    def tokens(self) -> int:
        return self.prompt + self.hidden + self.output

    def least(self) -> "Forecast":
        """Return what there must be room for: what is only guessed may turn out to be little."""
        return self.part(1, LEAST_PART)

    def part(self, share: int, whole: int) -> "Forecast":
        """Return the forecast with only a part of what is guessed."""
        output = -(-self.output * share // whole) if self.is_open else self.output
        return replace(self, output=output, hidden=self.hidden * share // whole)


NOTHING = Forecast(0, 0, is_exact=True)
"""A call that nothing but itself is counted of."""


async def forecast(call: Call, runtime: Runtime, *, exactly: bool = False) -> Forecast:
    """Foresee the use of a call. A bound takes microseconds; counting exactly takes milliseconds, in another thread."""
    meter = call.endpoint.meter
    if meter is Meter.REQUEST:
        return NOTHING
    body = call.content.json or {}
    if meter in TOKENISED:
        prompt = await beside_others(call.request_bytes, read_prompt, body, meter)
        return await _of_prompt(call, runtime, prompt, exactly=exactly)
    if meter is Meter.SPEECH:
        spoken = body.get("input")
        characters = len(spoken) if isinstance(spoken, str) else 0
        read = bound(str(spoken or "")) + bound(str(body.get("instructions") or ""))
        return Forecast(min(read, MOST), min(characters * 2, MOST), units=Units(characters=characters))
    if meter is Meter.TRANSCRIPTION:
        seconds = (call.content.form.file_bytes if call.content.form else 0) // AUDIO_BYTES_PER_SECOND + 1
        return Forecast(seconds * 10, seconds * 10, units=Units(audio_ms=seconds * 1000))
    return _of_pictures(call, body)


def _of_pictures(call: Call, body: Json) -> Forecast:
    form = call.content.form
    wanted = min(pictures_of_form(form.value("n")) if form else choices(body), MOST // MADE_PICTURE_TOKENS)
    described = (form.value("prompt") if form else body.get("prompt")) or ""
    images = body.get("images")
    shown = SHOWN_PICTURE_TOKENS * (len(form.files) if form else len(images) if isinstance(images, list) else 0)
    prompt = min(bound(str(described)) + shown, MOST)
    return Forecast(prompt, wanted * MADE_PICTURE_TOKENS, units=Units(images=wanted), pictures=min(shown, prompt))


async def _of_prompt(call: Call, runtime: Runtime, prompt: Prompt, *, exactly: bool) -> Forecast:
    body, model = call.content.json or {}, upstream_model(call)
    counted = await runtime.counter.count(model, prompt.text) if exactly else bound(prompt.text)
    known = [runtime.sizes.of(identity) for identity in prompt.continues] if prompt.continues else []
    pictures, audio = prompt.picture_tokens(model), prompt.audio_tokens
    read = counted + prompt.other_tokens + pictures + audio + sum(size for size in known if size is not None)
    limits = obeyed(body, call.endpoint.meter)
    limit = max(limits.values()) if limits else None
    return Forecast(
        prompt=min(read, MOST),
        output=min(_output(call, body, runtime, prompt, limit), MOST),
        is_exact=exactly,
        hidden=min(prompt.hidden + HISTORY_TOKENS * known.count(None), MOST),
        audio=min(audio, MOST),
        pictures=min(pictures, max(0, MOST - audio)),
        is_open=not limits,
    )


def _output(call: Call, body: Json, runtime: Runtime, prompt: Prompt, limit: int | None) -> int:
    meter = call.endpoint.meter
    if meter not in GENERATING:
        return 0
    each = min(limit or runtime.outputs.p95(history_key(call)), MOST)
    if prompt.predicted:
        # What a prediction gets wrong is billed as output, beside the limit.
        each += sum(map(bound, prompt.predicted))
    return each * min(choices(body), MOST) * (prompts(body) if meter is Meter.COMPLETION else 1)


def upstream_model(call: Call) -> str:
    """Return the name of the model behind the alias, as far as the configuration tells it."""
    deployment = call.plan.deployments[0] if call.plan and call.plan.deployments else None
    asked = call.model or ""
    return (deployment.model or deployment.name_for(asked)) if deployment else asked


def history_key(call: Call) -> tuple[str, str, str]:
    """Whose answers tell how long the next one will be: no team bends another's estimate."""
    return call.caller.team, call.model or "", call.endpoint.name


def learn(call: Call, runtime: Runtime, tokens: TokenUsage) -> None:
    """Take what a call has used into account for the calls to come."""
    if call.model is not None:
        runtime.outputs.observe(history_key(call), tokens.output)
    if call.endpoint.creates is not Kind.RESPONSE:
        return
    size = tokens.input + tokens.output
    runtime.sizes.note(call.seen.object_id, size)
    conversation = (call.content.json or {}).get("conversation")
    named = conversation.get("id") if isinstance(conversation, dict) else conversation
    if isinstance(named, str):
        runtime.sizes.note(named, size)


def usage_of(foreseen: Forecast, meter: Meter) -> Usage:
    """Return the forecast as usage, in the buckets of its endpoint, so that it can be priced."""
    if meter is Meter.TRANSCRIPTION:
        return Usage(TokenUsage(input_audio=foreseen.prompt, output_text=foreseen.output), foreseen.units)
    fresh = foreseen.prompt + foreseen.hidden - foreseen.audio - foreseen.pictures
    text = audio = pictures = 0
    if meter is Meter.IMAGE:
        pictures = foreseen.output
    elif meter is Meter.SPEECH:
        audio = foreseen.output
    else:
        text = foreseen.output
    tokens = TokenUsage(
        input_fresh=fresh,
        input_audio=foreseen.audio,
        input_image=foreseen.pictures,
        output_text=text,
        output_audio=audio,
        output_image=pictures,
    )
    return Usage(tokens, foreseen.units)
