"""Reads the caller's body under caps, and understands as much of it as the endpoint needs."""

import asyncio
from collections.abc import Callable

from shared.errors import BadRequest, BodyTooLarge, GatewayError, Unavailable
from shared.gateway.call import Call, Content, parse_object
from shared.gateway.message import GatewayRequest
from shared.wire.multipart import MultipartInvalid, parse_form
from shared.wire.openai.endpoints import Body

MEBIBYTE = 1024 * 1024
SMALL = 256 * 1024
"""Bodies up to this size are not counted against the process's budget, and are worked on in the event loop."""


async def beside_others[**P, T](size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do work that goes over a whole body of `size` bytes: in a thread if it is large, so that others get their turn."""
    if size > SMALL:
        return await asyncio.to_thread(work, *args, **kwargs)
    return work(*args, **kwargs)


class BodyTimeout(GatewayError):
    status, code, type = 408, "request_timeout", "invalid_request_error"

    def __init__(self) -> None:
        super().__init__("The request body did not arrive in time.")


class CallerGone(GatewayError):
    """The caller left before his request was complete; nobody will read this answer."""

    status, code, type = 499, "client_closed_request", "invalid_request_error"

    def __init__(self) -> None:
        super().__init__("The caller closed the connection.")


class BodyReader:
    """Reads bodies within a size cap each and one memory budget for all large ones together."""

    def __init__(self, json_mb: int, upload_mb: int, buffered_mb: int, read_s: float) -> None:
        self._caps = {Body.JSON: json_mb * MEBIBYTE, Body.FORM_OR_RAW: json_mb * MEBIBYTE, Body.NONE: MEBIBYTE}
        self._upload_cap = upload_mb * MEBIBYTE
        self._budget = buffered_mb * MEBIBYTE
        self._buffered = 0
        self._read_s = read_s

    async def read(self, call: Call, request: GatewayRequest, body: Body) -> Content:
        """Return the body, parsed. Raises BadRequest, BodyTooLarge, BodyTimeout and Unavailable."""
        content_type = request.headers.get("content-type", "")
        if sum(name == "content-type" for name, _ in request.header_list) > 1:
            raise BadRequest("The content-type is sent twice.", param="content-type", code="invalid_header")
        cap = self._caps.get(body, self._upload_cap)
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > cap:
            raise _too_large(cap)
        held = _Held(self)
        # The call holds its bytes until it is settled.
        call.release = held.release
        try:
            async with asyncio.timeout(self._read_s):
                raw = await self._collect(held, request, cap)
        except TimeoutError:
            raise BodyTimeout from None
        return await _understand(raw, content_type, body)

    async def _collect(self, held: "_Held", request: GatewayRequest, cap: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for piece in request.body():
            size += len(piece)
            if size > cap:
                raise _too_large(cap)
            if size > SMALL:
                held.grow(size)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def take(self, more: int) -> None:
        """Count bytes that are about to be held. Raises Unavailable where there is no room for them."""
        if self._buffered + more > self._budget:
            raise Unavailable(
                "The gateway is busy with large uploads. Try again shortly.",
                code="overloaded",
                headers={"retry-after": "2"},
            )
        self._buffered += more

    def give_back(self, bytes_held: int) -> None:
        self._buffered -= bytes_held


class _Held:
    """The part of the budget that one call has taken."""

    __slots__ = ("_reader", "_size")

    def __init__(self, reader: BodyReader) -> None:
        self._reader = reader
        self._size = 0

    def grow(self, size: int) -> None:
        self._reader.take(size - self._size)
        self._size = size

    def release(self) -> None:
        self._reader.give_back(self._size)
        self._size = 0


async def _understand(raw: bytes, content_type: str, body: Body) -> Content:
    is_form = content_type[:20].lower().startswith("multipart/form-data")
    if body is Body.MULTIPART or (body in (Body.FORM_OR_JSON, Body.FORM_OR_RAW) and is_form):
        if not is_form:
            raise BadRequest(
                "This endpoint takes a multipart/form-data body.", param="content-type", code="invalid_form"
            )
        try:
            return Content(raw, form=parse_form(raw, content_type), content_type=content_type)
        except MultipartInvalid as error:
            raise BadRequest(f"The multipart body is not valid: {error}.", code="invalid_form") from None
    if body is Body.FORM_OR_RAW:
        return Content(raw, content_type=content_type)
    if body is Body.NONE and not raw:
        return Content(None)
    if not raw.strip():
        return Content(b"{}", json={}, content_type=content_type)
    parsed = await beside_others(len(raw), parse_object, raw)
    return Content(raw, json=parsed, content_type=content_type)


def _too_large(cap: int) -> BodyTooLarge:
    return BodyTooLarge(f"The request body is larger than the {cap // MEBIBYTE} MiB that this endpoint takes.")
