"""The answers of the mock upstream, as bytes: a chat completion of some 500 bytes, and one streamed in 51 events."""

import json

from tests.load.http_messages import post

CHUNKS = 50
EVENTS = CHUNKS + 1
"""Content chunks and the usage chunk; `[DONE]` follows them."""

MODEL = "gpt-4o"
_IDENTITY = {"id": "chatcmpl-000000000000000000000000", "created": 1767225600, "model": f"{MODEL}-2024-11-20"}
_USAGE = {"prompt_tokens": 24, "completion_tokens": CHUNKS, "total_tokens": 24 + CHUNKS}
_PROMPT = (
    "Explain in one sentence why a gateway in front of a language model should add no latency that anyone notices."
)


def ask(
    host: str, path: str, headers: dict[str, str], *, stream: bool = False, pace_ms: int = 0, text: str = ""
) -> bytes:
    """Return a chat request. The mock finds its pace in the text, so that it passes every gateway."""
    prompt = text or _PROMPT
    if pace_ms:
        prompt += f" [pace {pace_ms} ms]"
    body: dict[str, object] = {"model": MODEL, "messages": [{"role": "user", "content": prompt}], "max_tokens": 64}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return post(host, path, json.dumps(body, separators=(",", ":")).encode(), headers)


def response(status: str, content_type: str, body: bytes) -> bytes:
    return _head(status, content_type, f"content-length: {len(body)}") + body


def completion() -> bytes:
    message = {"role": "assistant", "content": "Because waiting is the only part of it that people would see. " * 2}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    answer = {**_IDENTITY, "object": "chat.completion", "choices": [choice], "usage": _USAGE}
    return response("200 OK", "application/json", json.dumps(answer).encode())


def stream_head() -> bytes:
    return _head("200 OK", "text/event-stream; charset=utf-8", "transfer-encoding: chunked")


def stream_events() -> list[bytes]:
    """Return one HTTP chunk for each event; the last one also ends the body."""
    deltas = [{"content": f" word{number}"} for number in range(CHUNKS)]
    deltas[0] = {"role": "assistant", **deltas[0]}
    finishes = [None] * (CHUNKS - 1) + ["stop"]
    choices = [
        [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]
        for delta, finish in zip(deltas, finishes, strict=True)
    ]
    chunks = [{**_IDENTITY, "object": "chat.completion.chunk", "choices": choice, "usage": None} for choice in choices]
    chunks.append({**_IDENTITY, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE})
    events = [_chunk(b"data: " + json.dumps(chunk).encode() + b"\n\n") for chunk in chunks]
    return [*events, _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"]


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _head(status: str, content_type: str, framing: str) -> bytes:
    lines = (
        f"HTTP/1.1 {status}",
        f"content-type: {content_type}",
        framing,
        "apim-request-id: 00000000-0000-0000-0000-000000000000",
        "x-ms-region: Sweden Central",
        "x-ratelimit-remaining-requests: 99999",
        "x-ratelimit-remaining-tokens: 9999999",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n"
