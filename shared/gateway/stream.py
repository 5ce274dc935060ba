"""Relays an answer whose end is not here yet: piece by piece, with keep-alive comments, and to its end even if the caller leaves."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

from shared.gateway.call import Call, Json
from shared.gateway.late import settle_late
from shared.gateway.message import GatewayResponse, HeaderList
from shared.gateway.objects import is_stored, parts_of, register
from shared.gateway.settle import settle
from shared.gateway.watch import StreamWatch
from shared.providers.port import IdleTimeout, UpstreamFailure, UpstreamResponse
from shared.runtime import Runtime
from shared.usage.model import Outcome, Units
from shared.wire.openai.endpoints import Kind, Meter
from shared.wire.sse import COMMENT

IDLE_S = 120.0
"""Seconds of silence after which an upstream that nothing is configured for counts as gone."""

UNCLAIMED_S = 60.0
"""Seconds after which an answer that nobody began to read counts as left by its caller."""


class StreamCut(Exception):
    """The upstream broke off in the middle: the caller's connection is broken too, so that no client takes it for the end."""


class _Pieces(AsyncGenerator[bytes]):
    """The pieces of an answer. A generator that nobody began to read would not notice that it is closed; this one does."""

    def __init__(self, pieces: AsyncGenerator[bytes], left_unread: Callable[[], None]) -> None:
        self._pieces = pieces
        self._left_unread = left_unread
        self._is_begun = False

    def __anext__(self) -> Coroutine[Any, Any, bytes]:
        self._is_begun = True
        return self._pieces.__anext__()

    async def asend(self, value: None) -> bytes:
        self._is_begun = True
        return await self._pieces.asend(value)

    async def athrow(self, *reason: Any) -> bytes:
        return await self._pieces.athrow(*reason)

    async def aclose(self) -> None:
        if not self._is_begun:
            self._is_begun = True
            self._left_unread()
        await self._pieces.aclose()


class StreamRelay:
    """One answer on its way to one caller. It settles the call, whichever of the two goes first."""

    def __init__(self, call: Call, answer: UpstreamResponse, runtime: Runtime) -> None:
        self._call = call
        self._answer = answer
        self._runtime = runtime
        self._watch = StreamWatch(call, self._revealed)
        self._unclaimed: asyncio.TimerHandle | None = None
        self._events_seen = 0

    def response(self, headers: HeaderList, content_type: str) -> GatewayResponse:
        is_events = content_type.startswith("text/event-stream")
        length = self._answer.header("content-length")
        if length and not is_events and self._answer.header("content-encoding") is None:
            headers.append(("content-length", length))
        self._call.is_handed_over = True
        if self._answer.status < 400:
            self._call.is_in_doubt = False
        self._note_characters()
        self._unclaimed = asyncio.get_running_loop().call_later(UNCLAIMED_S, self._leave_unread, is_events)
        pieces = _Pieces(self._relay(is_events), lambda: self._leave_unread(is_events))
        return GatewayResponse(self._answer.status, headers, pieces)

    async def _relay(self, is_events: bool) -> AsyncGenerator[bytes]:
        """The answer's pieces; whoever leaves first, the call is settled."""
        if self._unclaimed is not None:
            self._unclaimed.cancel()
            self._unclaimed = None
        has_ended = False
        try:
            async with aclosing(self._events() if is_events else self._bytes()) as pieces:
                async for piece in pieces:
                    yield piece
            has_ended = True
            self._end()
        except UpstreamFailure as failure:
            has_ended = True
            self._cut(failure)
            raise StreamCut from failure
        finally:
            if not has_ended:
                self._leave(is_events)

    async def _events(self) -> AsyncGenerator[bytes]:
        """Server-sent events, with keep-alive comments where they are silent."""
        silent_s, keep_alive_s = 0.0, self._runtime.config.stream.keep_alive_s
        while (piece := await self._answer.read_some(keep_alive_s)) != b"":
            if piece is not None:
                silent_s = 0.0
                self._grow(piece)
                if passed_on := self._watch.feed(piece):
                    yield passed_on
                continue
            silent_s += keep_alive_s
            if silent_s >= self._idle_s:
                raise IdleTimeout
            if self._watch.is_at_border:
                yield COMMENT
        if rest := self._watch.finish():
            yield rest

    def _grow(self, piece: bytes) -> None:
        """An event brings about one token: where more come than were provided for, more is reserved."""
        reservation = self._call.reservation
        if reservation.taken:
            self._events_seen += piece.count(b"data:")
            reservation.grow(self._events_seen)

    async def _bytes(self) -> AsyncGenerator[bytes]:
        """Anything else: files, speech, text."""
        while (piece := await self._answer.read_some(self._idle_s)) != b"":
            if piece is None:
                raise IdleTimeout
            self._call.seen.bytes += len(piece)
            yield piece

    def _leave_unread(self, is_events: bool) -> None:
        """Nobody ever came for the answer: it is no call under way, though its usage may have to be waited for."""
        if self._unclaimed is not None:
            self._unclaimed.cancel()
            self._unclaimed = None
            self._call.reservation.end_call()
            self._leave(is_events)

    def _leave(self, is_events: bool) -> None:
        """The caller has gone. Events are read on for the usage at their end; what else is billed is known already."""
        if is_events:
            self._runtime.background.spawn(self._drain())
        else:
            self._answer.close()
            self._settle(Outcome.CLIENT_GONE)

    async def _drain(self) -> None:
        """The caller has gone: read on for the usage that comes at the end, within caps of time and size."""
        caps = self._runtime.config.stream
        deadline = self._runtime.clock.monotonic() + caps.drain_s
        left = caps.drain_mb * 1024 * 1024
        try:
            while (wait_s := deadline - self._runtime.clock.monotonic()) > 0 and left > 0:
                piece = await self._answer.read_some(wait_s)
                if not piece:
                    break
                left -= len(piece)
                self._watch.feed(piece)
            self._watch.finish()
        except UpstreamFailure as failure:
            self._call.seen.error_code = failure.kind
        finally:
            self._answer.close()
            self._settle(Outcome.CLIENT_GONE)

    @property
    def _idle_s(self) -> float:
        deployment = self._runtime.router.deployment(self._call.deployment or "")
        return deployment.timeouts.idle_s if deployment else IDLE_S

    def _cut(self, failure: UpstreamFailure) -> None:
        self._answer.close()
        self._watch.finish()
        self._call.seen.error_code = failure.kind
        self._settle(Outcome.STREAM_CUT)

    def _end(self) -> None:
        """The upstream has said everything. A response that never came to its own end was cut, too."""
        status = self._answer.status
        if status >= 400:
            self._settle(Outcome.UPSTREAM_ERROR)
        elif self._call.seen.is_pending:
            self._call.seen.error_code = self._call.seen.error_code or "no_end"
            self._settle(Outcome.STREAM_CUT)
        else:
            self._settle(Outcome.COMPLETED)

    def _settle(self, outcome: Outcome) -> None:
        settle(self._call, self._runtime, self._answer.status, outcome)

    def _revealed(self, answer: Json) -> None:
        """A response showed itself: at its beginning with its id, at its end with everything it made."""
        call, identity = self._call, answer.get("id")
        if call.endpoint.owned is Kind.RESPONSE:
            settle_late(call, self._runtime, answer)
        if not is_stored(call):
            return
        owned = list(parts_of(answer))
        if call.endpoint.creates is Kind.RESPONSE and isinstance(identity, str):
            owned.append((identity, Kind.RESPONSE))
        for each in owned:
            label = call.model if each[1] is Kind.RESPONSE else None
            self._runtime.background.spawn(register(call, self._runtime, each, label))

    def _note_characters(self) -> None:
        """Speech is billed by the characters that are spoken; the request tells them."""
        call = self._call
        if call.endpoint.meter is Meter.SPEECH:
            spoken = (call.content.json or {}).get("input")
            call.units = Units(characters=len(spoken)) if isinstance(spoken, str) else call.units
