"""Runs a streaming HTTP function through the runtime's coordinator, with or without the extension's FastAPI app around it."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any, Protocol
from uuid import uuid4

import azure_functions_runtime as runtime
from azure_functions_runtime.http_v2 import http_coordinator
from starlette.requests import Request
from starlette.responses import Response

from devhost import rpc
from devhost.extension import Receive, Scope, Send
from devhost.routes import METHODS
from devhost.rpc import ParameterBinding, TypedData
from devhost.worker import Function

_log = logging.getLogger("devhost.functions")
_ID_HEADER = b"x-ms-invocation-id"


class Relay(Protocol):
    async def __call__(
        self, function: Function, parameters: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None: ...


class StrictRelay:
    """The whole web app for every request, exactly as the worker serves it behind its own port."""

    def __init__(self, web_app: Any) -> None:
        self._web_app = web_app

    async def __call__(
        self, function: Function, parameters: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        invocation_id = _tag(scope)
        invocation = asyncio.ensure_future(_invocation(function, parameters, invocation_id, scope))
        try:
            await self._web_app(scope, receive, send)
        finally:
            invocation.cancel()  # still open only where the web app answered by itself
            _forget(invocation_id)


class DirectRelay:
    """The coordinator alone: FastAPI's routing and its stacks of middleware cost more than the rest of the host.

    Whatever is not a plain response (an exception, a value to serialise, one of FastAPI's own pages) goes through the web
    app after all, so that there is one author of those answers.
    """

    def __init__(self, web_app: Any) -> None:
        self._web_app = web_app
        self._strictly = StrictRelay(web_app)
        self._own_pages = {route.path for route in web_app.routes if "{path:path}" not in route.path}
        self._request_class: type[Request] = _request_class()

    async def __call__(
        self, function: Function, parameters: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["method"] not in METHODS or scope["path"] in self._own_pages:
            await self._strictly(function, parameters, scope, receive, send)
            return
        invocation_id = _tag(scope)
        scope["app"], scope["path_params"] = self._web_app, {}
        http_coordinator.set_http_request(invocation_id, self._request_class(scope, receive, send))
        try:
            answer = await self._answer(_invocation(function, parameters, invocation_id, scope), invocation_id)
            if not isinstance(answer, Response):
                http_coordinator.set_http_response(invocation_id, answer)
                await self._through_web_app(function, answer, scope, receive, send)
                return
        finally:
            _forget(invocation_id)
        await answer(scope, receive, send)

    async def _through_web_app(
        self, function: Function, answer: object, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if not isinstance(answer, Exception):
            await self._web_app(scope, receive, send)
            return
        try:
            await self._web_app(scope, receive, send)
        except type(answer):  # raised again after its 500 is sent; uvicorn would now drop the caller's connection
            _log.error("%s failed", function.name, exc_info=answer)

    async def _answer(self, invocation: Coroutine[Any, Any, Any], invocation_id: str) -> Any:
        """Run the function in a task of its own, as the worker does: its context variables end with it."""
        await asyncio.Task(invocation, loop=asyncio.get_running_loop(), eager_start=True)
        try:
            return await http_coordinator.await_http_response_async(invocation_id)
        except ValueError as nothing_returned:
            return nothing_returned


def _request_class() -> type[Request]:
    from azurefunctions.extensions.base import RequestTrackerMeta  # noqa: PLC0415 - only once the app has imported it

    return RequestTrackerMeta.get_request_type()  # type: ignore[no-any-return]


def _tag(scope: Scope) -> str:
    """Put the host's invocation id into the headers; a caller's own would take over another call's answer."""
    invocation_id = str(uuid4())
    headers = [pair for pair in scope["headers"] if pair[0] != _ID_HEADER]
    headers.append((_ID_HEADER, invocation_id.encode()))
    scope["headers"] = headers
    return invocation_id


def _invocation(
    function: Function, parameters: Mapping[str, str], invocation_id: str, scope: Scope
) -> Coroutine[Any, Any, Any]:
    trace = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), "")
    binding = ParameterBinding(function.argument, TypedData(http=rpc.RpcHttp(parameters)))
    request = rpc.InvocationRequest(function.id, invocation_id, [binding], {}, rpc.TraceContext(trace))
    return runtime.invocation_request(  # type: ignore[no-any-return]
        rpc.Call(rpc.StreamingMessage(invocation_request=request))
    )


def _forget(invocation_id: str) -> None:
    """The runtime keeps an entry for every request and never removes one."""
    http_coordinator._context_references.pop(invocation_id, None)
