"""POST /audio/transcriptions and /audio/translations."""

import io
import wave
from collections.abc import Iterator
from math import ceil

from devhost.simulator.catalog import Operation
from devhost.simulator.errors import bad_request, operation_not_supported
from devhost.simulator.exchange import DONE, Answer, Call, Json, ModelIn, Route, Stream, answer, event
from devhost.simulator.tokens import Tokenizer

_AUDIO_TOKENS_PER_SECOND = 10
# What a file that is not WAV is taken for: 128 kbit/s.
_BYTES_PER_SECOND = 16_000
_TIMED = ("verbose_json", "srt", "vtt")
_FORMATS = ("json", "text", *_TIMED)


class Transcriptions:
    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "audio/transcriptions", self.transcribe, ModelIn.FORM, by_deployment=True),
            Route("POST", "audio/translations", self.translate, ModelIn.FORM, by_deployment=True),
        )

    async def transcribe(self, call: Call) -> Answer | Stream:
        return await self._write(call, "transcribe")

    async def translate(self, call: Call) -> Answer | Stream:
        if call.deployment.model != "whisper-1":
            raise operation_not_supported("audioTranslation", call.deployment.model)
        return await self._write(call, "translate")

    async def _write(self, call: Call, task: str) -> Answer | Stream:
        deployment, fields = call.deployment, call.form.fields
        if Operation.TRANSCRIPTION not in deployment.operations:
            raise operation_not_supported(Operation.TRANSCRIPTION, deployment.model)
        upload = call.form.file("file")
        if upload is None or not upload.content:
            raise bad_request("Missing required parameter: 'file'.", "file", "missing_required_parameter")
        counts_tokens = deployment.model != "whisper-1"
        kind = fields.get("response_format") or "json"
        if kind not in _FORMATS or (counts_tokens and kind in _TIMED):
            raise bad_request(
                f"'{kind}' is not a response_format of this model.", "response_format", "unsupported_value"
            )
        seconds = seconds_of(upload.content)
        text = f"You sent {seconds:.1f} seconds of audio."
        usage = await self._usage(text, seconds, fields.get("prompt", "")) if counts_tokens else _duration(seconds)
        if counts_tokens and fields.get("stream") == "true":
            pieces = self._tokenizer.pieces(await self._tokenizer.ids((text,)))
            return Stream(_events(pieces, usage))
        return _whole(kind, text, seconds, usage, task)

    async def _usage(self, text: str, seconds: float, prompt: str) -> Json:
        audio, words = ceil(seconds * _AUDIO_TOKENS_PER_SECOND), await self._tokenizer.count(prompt)
        written = await self._tokenizer.count(text)
        return {
            "type": "tokens",
            "input_tokens": audio + words,
            "input_token_details": {"audio_tokens": audio, "text_tokens": words},
            "output_tokens": written,
            "total_tokens": audio + words + written,
        }


def seconds_of(audio: bytes) -> float:
    """Return how long the audio plays: exact for WAV, by size for anything else."""
    try:
        with wave.open(io.BytesIO(audio)) as file:
            return float(file.getnframes() / file.getframerate())
    except (wave.Error, EOFError, ZeroDivisionError):
        return len(audio) / _BYTES_PER_SECOND


def _duration(seconds: float) -> Json:
    return {"type": "duration", "seconds": ceil(seconds)}


def _whole(kind: str, text: str, seconds: float, usage: Json, task: str) -> Answer:
    match kind:
        case "text":
            return Answer(f"{text}\n".encode(), content_type="text/plain")
        case "srt":
            return Answer(f"1\n{_stamp(0)} --> {_stamp(seconds)}\n{text}\n\n".encode(), content_type="text/plain")
        case "vtt":
            span = f"{_stamp(0)} --> {_stamp(seconds)}".replace(",", ".")
            return Answer(f"WEBVTT\n\n{span}\n{text}\n\n".encode(), content_type="text/vtt")
        case "verbose_json":
            segment = {
                "id": 0,
                "seek": 0,
                "start": 0.0,
                "end": seconds,
                "text": text,
                "tokens": [],
                "temperature": 0.0,
                "avg_logprob": -0.1,
                "compression_ratio": 1.0,
                "no_speech_prob": 0.0,
            }
            return answer(
                {
                    "task": task,
                    "language": "english",
                    "duration": seconds,
                    "text": text,
                    "segments": [segment],
                    "usage": usage,
                }
            )
    return answer({"text": text, "usage": usage})


def _stamp(seconds: float) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02},{milliseconds:03}"


def _events(pieces: list[str], usage: Json) -> Iterator[bytes]:
    for piece in filter(None, pieces):
        yield event({"type": "transcript.text.delta", "delta": piece})
    yield event({"type": "transcript.text.done", "text": "".join(pieces), "usage": usage})
    yield DONE
