"""The HTTP seam: turns the host's requests into the gateway's and answers back, streams included.

The only importer of the extension: importing it anywhere makes every HTTP function of the app a streaming one.
"""

import asyncio
import logging
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from typing import Any

from azurefunctions.extensions.http.fastapi import Request, Response
from fastapi import Response as PlainResponse
from starlette.requests import ClientDisconnect

from functions._runtime import process
from shared.clock import SystemClock
from shared.configuration.loading import ConfigurationInvalid
from shared.errors import GatewayError, Unavailable
from shared.gateway.body import CallerGone
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.gateway.stream import StreamCut
from shared.ids import new_id
from shared.management.problems import problem_of
from shared.providers.port import SecretUnavailable
from shared.runtime import Runtime
from shared.settings import SettingsInvalid
from shared.wire.openai.errors import error_body, error_headers

__all__ = ["ANY_METHOD", "Request", "Response", "serve", "serve_console", "serve_management", "serve_with"]

ANY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
"""Every proxied route takes every method, so that a wrong one gets an answer that the SDKs can read."""

STALLED_S = 120.0
"""A caller who takes nothing for so long has gone, whatever his connection says."""

_log = logging.getLogger("tollgate.http")


async def serve(request: Any) -> PlainResponse:
    """Answer one request through the pipeline."""
    return await _edge(request, _proxy, _failure)


async def serve_management(request: Any) -> PlainResponse:
    """Answer one request to the management API."""
    return await _edge(request, _manage, _problem)


async def serve_console(request: Any) -> PlainResponse:
    """Answer one request for a page."""
    return await _edge(request, _page, _problem)


async def serve_with(
    request: Any, handle: Callable[[GatewayRequest, Runtime], Awaitable[GatewayResponse]]
) -> PlainResponse:
    """Answer one request that neither of them is for; what goes wrong is told as OpenAI tells it."""

    async def with_runtime(raw: Any) -> GatewayResponse:
        runtime, _ = await process.ready()
        return await handle(gateway_request(raw), runtime)

    return await _edge(request, with_runtime, _failure)


async def _proxy(request: Any) -> GatewayResponse:
    _, pipeline = await process.ready()
    return await pipeline.handle(gateway_request(request))


async def _manage(request: Any) -> GatewayResponse:
    api = await process.management()
    return await api.handle(gateway_request(request))


async def _page(request: Any) -> GatewayResponse:
    console = await process.console()
    return await console.handle(gateway_request(request))


async def _edge(
    request: Any,
    handle: Callable[[Any], Awaitable[GatewayResponse]],
    failure: Callable[[GatewayError], GatewayResponse],
) -> PlainResponse:
    """The edge at which nothing may go wrong silently."""
    try:
        answer = await handle(request)
    except (ConfigurationInvalid, SecretUnavailable, SettingsInvalid) as error:
        _log.error("The gateway is not configured: %s", error)
        answer = failure(Unavailable("The gateway is not configured. Tell your platform team.", code="not_configured"))
    except Exception as error:  # noqa: BLE001 - one of the three edges
        # The exception's own text could hold what the caller sent; where it happened cannot.
        _log.error("Unexpected %s at\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
        answer = failure(GatewayError("The gateway failed to handle this request."))
    return RelayResponse(answer)


def gateway_request(request: Any) -> GatewayRequest:
    """Return the request free of its host; nothing of the body has been read yet."""
    scope = request.scope
    header_list = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    return GatewayRequest(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=dict(header_list),
        header_list=header_list,
        body=lambda: _body(request),
        address=(scope.get("client") or ("",))[0],
    )


async def _body(request: Any) -> AsyncGenerator[bytes]:
    try:
        async for piece in request.stream():
            if piece:
                yield piece
    except ClientDisconnect as error:
        raise CallerGone from error


def _failure(error: GatewayError) -> GatewayResponse:
    return GatewayResponse(error.status, error_headers(error), error_body(error))


def _problem(error: GatewayError) -> GatewayResponse:
    return problem_of(error, new_id("req", SystemClock().now()))


class RelayResponse(PlainResponse):
    """Sends the gateway's answer as it is: headers in their order, pieces of a stream as they come."""

    def __init__(self, answer: GatewayResponse) -> None:
        self.status_code = answer.status
        self.background = None
        self.body = answer.body if isinstance(answer.body, bytes) else b""
        self._stream = None if isinstance(answer.body, bytes) else answer.body
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        if self._stream is None:
            headers.append((b"content-length", str(len(self.body)).encode()))
        self.raw_headers = headers

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if self._stream is None:
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else self.body})
        else:
            await _send_stream(self._stream, receive, send)


async def _send_stream(stream: AsyncGenerator[bytes], receive: Any, send: Any) -> None:
    """Send until the stream ends, or the caller leaves: then the stream is cancelled, which makes it settle its call."""
    sending = asyncio.ensure_future(_send_pieces(stream, send))
    watching = asyncio.ensure_future(_until_gone(receive))
    try:
        await asyncio.wait({sending, watching}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        watching.cancel()
        sending.cancel()
        await asyncio.wait({sending, watching})
        # A generator that was left between two pieces would else wait for the garbage collector.
        await stream.aclose()
    if (
        not sending.cancelled()
        and (error := sending.exception()) is not None
        and not isinstance(error, StreamCut | TimeoutError)
    ):
        raise error


async def _send_pieces(stream: AsyncGenerator[bytes], send: Any) -> None:
    async for piece in stream:
        async with asyncio.timeout(STALLED_S):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    # A cut stream never comes here: without this last message the server breaks the connection, as it must.
    await send({"type": "http.response.body", "body": b""})


async def _until_gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
