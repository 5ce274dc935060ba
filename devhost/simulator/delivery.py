"""Writes an answer to the connection, or fails to, as the call's faults say."""

import asyncio
import gzip
import struct
import zlib
from collections.abc import AsyncIterator
from socket import SO_LINGER, SOL_SOCKET

from aiohttp import web

from devhost.simulator.exchange import Answer, Stream, event
from devhost.simulator.faults import Faults

_GZIP = 31
_COMMENT = b": still here\r\n\r\n"
_SERVER_ERROR = event({"error": {"message": "The service failed in mid-stream.", "type": "server_error", "code": None}})


class Pauses:
    """Sleeps that end when the simulator closes."""

    def __init__(self) -> None:
        self._closing = asyncio.Event()

    def close(self) -> None:
        self._closing.set()

    async def pause(self, milliseconds: int | None) -> None:
        """Wait; for good when there is no time."""
        try:
            await asyncio.wait_for(self._closing.wait(), None if milliseconds is None else milliseconds / 1000)
        except TimeoutError:
            return


class Delivery:
    """One answer on its way out."""

    def __init__(self, request: web.Request, faults: Faults, pauses: Pauses, headers: dict[str, str]) -> None:
        self._request = request
        self._faults = faults
        self._pauses = pauses
        self._headers = headers
        self._dropped = False

    async def send(self, answer: Answer | Stream) -> web.StreamResponse:
        """Write the answer with every fault that concerns the connection or the bytes."""
        if "hang" in self._faults:
            await self._pauses.pause(None)
        if "reset" in self._faults or "hang" in self._faults:
            self._reset()
            return web.Response()
        if "slow" in self._faults:
            await self._pauses.pause(self._faults["slow"])
        if isinstance(answer, Stream):
            return await self._send_stream(answer)
        return await self._send_whole(answer)

    async def _send_whole(self, answer: Answer) -> web.StreamResponse:
        body, headers = answer.body, {**self._headers, **answer.headers}
        if "malformed" in self._faults:
            body = body[: len(body) // 2] + b"\\x"
        if "gzip" in self._faults:
            body = gzip.compress(body)
            headers["content-encoding"] = "gzip"
        response = web.StreamResponse(status=answer.status, headers=headers)
        response.content_type = answer.content_type
        response.content_length = len(body)
        await response.prepare(self._request)
        if "cut" in self._faults:
            await response.write(body[: len(body) // 2])
            self._drop()
            return response
        if self._request.method != "HEAD":
            await response.write(body)
        await response.write_eof()
        return response

    async def _send_stream(self, stream: Stream) -> web.StreamResponse:
        response = web.StreamResponse(headers={**self._headers, "content-type": stream.content_type})
        zipper = zlib.compressobj(wbits=_GZIP) if "gzip" in self._faults else None
        if zipper:
            response.headers["content-encoding"] = "gzip"
        response.enable_chunked_encoding()
        await response.prepare(self._request)
        async for part in self._faulty(stream):
            await response.write(zipper.compress(part) + zipper.flush(zlib.Z_SYNC_FLUSH) if zipper else part)
            if self._dropped:
                return response
            if self._is_gone():
                raise ConnectionResetError("the reader left")
        if zipper:
            await response.write(zipper.flush())
        await response.write_eof()
        return response

    async def _faulty(self, stream: Stream) -> AsyncIterator[bytes]:
        number = 0
        async for part in _each(stream):
            if self._faults.values.get("cut") == number:
                self._drop()
                yield b""
                return
            if self._faults.values.get("error-event") == number:
                yield _SERVER_ERROR
                return
            if "pace" in self._faults:
                await self._pauses.pause(self._faults["pace"])
            if number == 2 and "stall" in self._faults:
                await self._pauses.pause(self._faults["stall"])
            for write in self._writes(part, stream.holds_events):
                yield write
            number += 1

    def _writes(self, part: bytes, is_event: bool) -> list[bytes]:
        if "malformed" in self._faults:
            return [part.replace(b'":', b'"', 1)]
        if "garbage-sse" in self._faults and is_event:
            return _oddly(part)
        return [part]

    def _is_gone(self) -> bool:
        transport = self._request.transport
        return transport is None or transport.is_closing()

    def _drop(self) -> None:
        self._dropped = True
        if self._request.transport is not None:
            self._request.transport.close()

    def _reset(self) -> None:
        transport = self._request.transport
        if transport is not None:
            connection = transport.get_extra_info("socket")
            connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()


async def _each(stream: Stream) -> AsyncIterator[bytes]:
    if isinstance(stream.parts, AsyncIterator):
        async for part in stream.parts:
            yield part
    else:
        for part in stream.parts:  # type: ignore[union-attr]
            yield part


def _oddly(part: bytes) -> list[bytes]:
    """Return the event with CRLF, comments, no space after the colon, and cut inside a character where it has one."""
    odd = _COMMENT + part.replace(b"data: ", b"data:", 1).replace(b"\n", b"\r\n")
    wide = next((index for index, byte in enumerate(odd) if byte >= 0x80), len(odd) // 2)
    return [odd[: wide + 1], odd[wide + 1 :]]
