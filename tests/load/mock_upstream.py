"""Azure OpenAI as cheap as Python can make it: canned bytes behind a protocol by hand, plus the managed identity endpoint.

Run as `python -m tests.load.mock_upstream PORT`. A prompt that contains `[pace N ms]` is streamed with N ms between events.
"""

import asyncio
import json
import re
import sys
import time
from typing import cast
from urllib.parse import parse_qs, urlsplit

import uvloop

from tests.load import canned
from tests.load.http_messages import MalformedMessage, MessageParser

IDENTITY_PATH = "/msi/token"
STATS_PATH = "/stats"
IDENTITY_HEADER = "bench"
MAX_STREAMED_BYTES = 2**16
"""Longer requests are answered whole, unread: finding out what they ask for would stall everyone else's."""

_STREAMED = re.compile(rb'"stream":\s*true')
_PACE = re.compile(rb"\[pace (\d+) ms\]")
_NOT_FOUND = canned.response("404 Not Found", "application/json", b'{"error":{"code":"404","message":"Not found"}}')
_UNAUTHORISED = canned.response("401 Unauthorized", "application/json", b'{"error":{"message":"no X-IDENTITY-HEADER"}}')


class Upstream:
    """The answers, and how many chat calls were made."""

    def __init__(self) -> None:
        self.calls = 0
        self.completion = canned.completion()
        events = canned.stream_events()
        self.stream = [canned.stream_head() + events[0], *events[1:]]

    def stats(self) -> bytes:
        return canned.response("200 OK", "application/json", json.dumps({"calls": self.calls}).encode())


def access_token(head: bytes) -> bytes:
    """Answer as the identity endpoint of an Azure app does."""
    if f"\r\nx-identity-header: {IDENTITY_HEADER}\r\n".encode() not in head.lower():
        return _UNAUTHORISED
    target = head.split(b" ", 2)[1].decode()
    resource = parse_qs(urlsplit(target).query).get("resource", [""])[0]
    expires_on = str(int(time.time()) + 86_400)
    token = {"access_token": "bench-token", "expires_on": expires_on, "resource": resource, "token_type": "Bearer"}
    return canned.response("200 OK", "application/json", json.dumps(token).encode())


class UpstreamConnection(asyncio.Protocol):
    """One caller's connection: answers requests in their order."""

    def __init__(self, upstream: Upstream, loop: asyncio.AbstractEventLoop) -> None:
        self._upstream = upstream
        self._loop = loop
        self._parser = MessageParser()
        self._transport: asyncio.Transport | None = None
        self._next_event = 0
        self._pace_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed(data)
        except MalformedMessage:
            if self._transport:
                self._transport.close()
            return
        if self._parser.complete:
            self._answer(self._parser.head, self._parser.body)

    def _answer(self, head: bytes, body: bytearray) -> None:
        path = head.split(b" ", 2)[1].partition(b"?")[0]
        if path.endswith(b"/chat/completions"):
            self._upstream.calls += 1
            if len(body) <= MAX_STREAMED_BYTES and _STREAMED.search(body):
                self._stream(body)
            else:
                self._finish(self._upstream.completion)
        elif path == IDENTITY_PATH.encode():
            self._finish(access_token(head))
        elif path == STATS_PATH.encode():
            self._finish(self._upstream.stats())
        else:
            self._finish(_NOT_FOUND)

    def _finish(self, answer: bytes) -> None:
        if self._transport is None:
            return
        self._transport.write(answer)
        self._parser.next_message()
        if self._parser.complete:
            self._answer(self._parser.head, self._parser.body)

    def _stream(self, body: bytearray) -> None:
        pace = _PACE.search(body)
        self._pace_s = int(pace[1]) / 1000 if pace else 0.0
        self._next_event = 0
        self._send_event()

    def _send_event(self) -> None:
        """Send one event and come back for the next: each in a write of its own, as a model produces them."""
        events = self._upstream.stream
        event = events[self._next_event]
        self._next_event += 1
        if self._next_event == len(events):
            self._finish(event)
        elif self._transport is not None:
            self._transport.write(event)
            self._loop.call_later(self._pace_s, self._send_event)


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    upstream = Upstream()
    server = await loop.create_server(lambda: UpstreamConnection(upstream, loop), "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
