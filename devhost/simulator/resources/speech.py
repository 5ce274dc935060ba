"""POST /audio/speech: silence of the right kind; formats other than wav and pcm carry silent MP3 frames."""

import base64
import struct
from collections.abc import Iterator

from devhost.simulator.catalog import Operation
from devhost.simulator.checks import check_types, required
from devhost.simulator.errors import bad_request, operation_not_supported
from devhost.simulator.exchange import Call, Json, ModelIn, Route, Stream, event
from devhost.simulator.tokens import Tokenizer

_CONTENT_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)
_RATE = 24_000
_PARTS = 4
_LONGEST_INPUT = 4_096
_AUDIO_TOKENS_PER_TEXT_TOKEN = 5


class Speech:
    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def routes(self) -> tuple[Route, ...]:
        return (Route("POST", "audio/speech", self.create, ModelIn.BODY, by_deployment=True),)

    async def create(self, call: Call) -> Stream:
        deployment, body = call.deployment, call.json
        if Operation.SPEECH not in deployment.operations:
            raise operation_not_supported(Operation.SPEECH, deployment.model)
        check_types(body, {"input": "a string", "response_format": "a string", "stream_format": "a string"})
        text = required(body, "input")
        required(body, "voice")
        if not 1 <= len(text) <= _LONGEST_INPUT:
            raise bad_request(f"Invalid 'input': 1 to {_LONGEST_INPUT} characters.", "input", "invalid_value")
        kind = body.get("response_format") or "mp3"
        if kind not in _CONTENT_TYPES:
            raise bad_request("Invalid 'response_format'.", "response_format", "invalid_value")
        parts = list(_parts(kind))
        if body.get("stream_format") != "sse":
            return Stream(parts, _CONTENT_TYPES[kind])
        if deployment.model == "tts-1":
            raise bad_request("'stream_format' sse is not supported with this model.", "stream_format")
        return Stream(_events(parts, await self._usage(text)))

    async def _usage(self, text: str) -> Json:
        read = await self._tokenizer.count(text)
        written = read * _AUDIO_TOKENS_PER_TEXT_TOKEN
        return {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}


def _parts(kind: str) -> Iterator[bytes]:
    silence = bytes(2 * _RATE // 10)
    if kind == "wav":
        size = _PARTS * len(silence)
        header = struct.pack(
            "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, _RATE, 2 * _RATE, 2, 16, b"data", size
        )
        yield header + silence
        yield from [silence] * (_PARTS - 1)
    else:
        yield from [silence if kind == "pcm" else _MP3_FRAME] * _PARTS


def _events(parts: list[bytes], usage: Json) -> Iterator[bytes]:
    for part in parts:
        yield event({"type": "speech.audio.delta", "audio": base64.b64encode(part).decode()})
    yield event({"type": "speech.audio.done", "usage": usage})
