import logging
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest

from functions import _http
from functions._http import RelayResponse, gateway_request, serve
from shared.gateway.message import GatewayResponse
from shared.gateway.stream import StreamCut


class Caller:
    """An ASGI caller: keeps what was sent to it, and can go away."""

    def __init__(self) -> None:
        import asyncio

        self.sent: list[dict[str, Any]] = []
        self.gone = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def is_complete(self) -> bool:
        return self.sent[-1]["type"] == "http.response.body" and not self.sent[-1].get("more_body", False)


PROMPT = "what the caller sent"
SCOPE = {"type": "http", "method": "GET"}


async def stream(*pieces: bytes | Exception) -> AsyncIterator[bytes]:
    for piece in pieces:
        if isinstance(piece, Exception):
            raise piece
        yield piece


async def test_a_whole_answer_has_its_length() -> None:
    caller = Caller()

    await RelayResponse(GatewayResponse(200, [("x-a", "1")], b"hello"))(dict(SCOPE), caller.receive, caller.send)

    assert caller.sent[0]["headers"] == [(b"x-a", b"1"), (b"content-length", b"5")]
    assert caller.body == b"hello"


async def test_head_gets_the_headers_alone() -> None:
    caller = Caller()

    await RelayResponse(GatewayResponse(200, [], b"hello"))({**SCOPE, "method": "HEAD"}, caller.receive, caller.send)

    assert (caller.sent[0]["headers"], caller.body) == ([(b"content-length", b"5")], b"")


async def test_a_stream_is_sent_piece_by_piece_and_closed() -> None:
    caller = Caller()

    await RelayResponse(GatewayResponse(200, [], stream(b"a", b"b")))(dict(SCOPE), caller.receive, caller.send)

    assert [message["body"] for message in caller.sent[1:]] == [b"a", b"b", b""]
    assert caller.is_complete


async def test_a_cut_stream_is_not_closed_cleanly() -> None:
    caller = Caller()

    await RelayResponse(GatewayResponse(200, [], stream(b"a", StreamCut())))(dict(SCOPE), caller.receive, caller.send)

    assert caller.body == b"a"
    assert not caller.is_complete


async def test_a_caller_who_leaves_ends_the_stream() -> None:
    import asyncio

    caller, ended = Caller(), asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            yield b"a"
            caller.gone.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    await RelayResponse(GatewayResponse(200, [], endless()))(dict(SCOPE), caller.receive, caller.send)

    assert ended.is_set()


async def test_an_unforeseen_error_is_a_500_and_its_text_is_not_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        async def ready(self) -> None:
            raise RuntimeError(PROMPT)

    monkeypatch.setattr(_http, "process", Broken())
    with caplog.at_level(logging.ERROR):
        answer = await serve(object())

    assert answer.status_code == 500
    assert b"server_error" in bytes(answer.body)
    assert "RuntimeError" in caplog.text
    assert PROMPT not in caplog.text


def test_a_request_loses_nothing_on_the_way_in() -> None:
    class Host:
        scope: ClassVar = {
            "method": "POST",
            "path": "/v1/x",
            "query_string": b"a=1&b",
            "headers": [(b"x-a", b"1"), (b"x-a", b"2"), (b"x-b", "ø".encode("latin-1"))],
        }
        stream = None

    request = gateway_request(Host())

    assert request.header_list == [("x-a", "1"), ("x-a", "2"), ("x-b", "ø")]
    assert (request.method, request.path, request.query) == ("POST", "/v1/x", "a=1&b")
