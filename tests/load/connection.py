"""One keep-alive connection of the load generator."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from tests.load.http_messages import MalformedMessage, MessageParser


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request in the mix; the caller hangs up once `leave_after_bytes` of the answer have come."""

    name: str
    request: bytes
    weight: int = 1
    leave_after_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its end, in nanoseconds of the monotonic clock. Status 0 means that no complete answer came."""

    kind: Kind
    scheduled_ns: int
    first_byte_ns: int | None
    ended_ns: int
    status: int
    body: bytes
    left: bool = False


class Connection(asyncio.Protocol):
    """Sends one request at a time and tells `on_end` how it went."""

    def __init__(self, on_end: Callable[["Connection", Exchange], None]) -> None:
        self._on_end = on_end
        self._parser = MessageParser()
        self._transport: asyncio.Transport | None = None
        self._kind: Kind | None = None
        self._scheduled_ns = 0
        self._first_byte_ns: int | None = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, kind: Kind, scheduled_ns: int) -> None:
        assert self._transport is not None
        self._kind = kind
        self._scheduled_ns = scheduled_ns
        self._first_byte_ns = None
        self._transport.write(kind.request)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def data_received(self, data: bytes) -> None:
        if self._kind is None:
            self.close()
            return
        parser = self._parser
        try:
            parser.feed(data)
        except MalformedMessage:
            self._end(status=0)
            return
        if self._first_byte_ns is None and parser.body:
            self._first_byte_ns = time.perf_counter_ns()
        if parser.complete:
            self._end(parser.status)
        elif self._kind.leave_after_bytes is not None and len(parser.body) >= self._kind.leave_after_bytes:
            self._end(parser.status, left=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._kind is not None:
            self._end(status=0)

    def _end(self, status: int, *, left: bool = False) -> None:
        kind, self._kind = self._kind, None
        assert kind is not None
        body = bytes(self._parser.body)
        if status == 0 or left or b"\r\nconnection: close\r\n" in self._parser.head.lower():
            self.close()
        else:
            self._parser.next_message()
        now = time.perf_counter_ns()
        self._on_end(self, Exchange(kind, self._scheduled_ns, self._first_byte_ns, now, status, body, left))
