"""The life of a proxied request, read top to bottom: the same for every route and every SDK shape."""

import re

from shared.errors import GatewayError
from shared.gateway.attempt import Attempts
from shared.gateway.body import BodyReader
from shared.gateway.call import Call
from shared.gateway.decide import decide
from shared.gateway.identify import identify
from shared.gateway.lists import answer_list
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.gateway.models import answer_models
from shared.gateway.relay import gateway_headers, refusal, relay
from shared.gateway.settle import settle
from shared.gateway.spending.admit import admit, check_endpoint
from shared.gateway.spending.limit_headers import limit_headers
from shared.gateway.trace import note_request
from shared.runtime import Runtime
from shared.usage.model import Outcome
from shared.wire.openai.endpoints import Served
from shared.wire.openai.errors import error_body, error_headers

_BASE = re.compile(r"/(?:v1|openai|openai/v1)?/?")


class Pipeline:
    """What every proxied route goes through; there is no other way to an upstream."""

    def __init__(self, runtime: Runtime) -> None:
        caps = runtime.config.body
        self._runtime = runtime
        self._bodies = BodyReader(caps.json_mb, caps.upload_mb, caps.buffered_mb, caps.read_s)

    async def handle(self, request: GatewayRequest) -> GatewayResponse:
        """Answer one request. Each call of a known caller settles exactly once, whatever happens on the way."""
        if courtesy := _courtesy(request):
            return courtesy
        try:
            call = await identify(request, self._runtime)
        except GatewayError as error:
            self._runtime.telemetry.caller_unknown(error.status, error.code)
            return GatewayResponse(error.status, error_headers(error), error_body(error))
        try:
            return await self._serve(call, request)
        except GatewayError as error:
            refusal(call, self._runtime, error)
            return GatewayResponse(error.status, [*error_headers(error), *gateway_headers(call)], error_body(error))
        finally:
            if not call.is_handed_over:
                settle(call, self._runtime, 500, Outcome.FAILED)

    async def _serve(self, call: Call, request: GatewayRequest) -> GatewayResponse:
        runtime = self._runtime
        call.match = runtime.routes.find(request.method, request.path)
        check_endpoint(call)
        if call.endpoint.served is Served.MODELS:
            return answer_models(call, runtime)
        if call.endpoint.served is Served.OWNED_LIST:
            await self._admit(call)
            return await answer_list(call, request, runtime)
        begun = runtime.clock.monotonic()
        call.content = await self._bodies.read(call, request, call.endpoint.body)
        call.sending_s = runtime.clock.monotonic() - begun
        call.request_bytes = len(call.content.raw or b"")
        note_request(call, request)
        await decide(call, request, runtime)
        await self._admit(call)
        answer = await Attempts(call, request, runtime).in_order()
        return await relay(call, answer, runtime)

    async def _admit(self, call: Call) -> None:
        try:
            await admit(call, self._runtime)
        finally:
            call.limit_headers = limit_headers(call.caller.policy, self._runtime)


def _courtesy(request: GatewayRequest) -> GatewayResponse | None:
    """What needs no key: a look at a base URL, and the WebSocket upgrade that some clients try first."""
    if request.method in ("GET", "HEAD") and _BASE.fullmatch(request.path):
        return GatewayResponse(200, [("content-type", "application/json")], b'{"service":"tollgate"}')
    if request.method == "GET" and request.headers.get("upgrade", "").lower() == "websocket":
        error = UpgradeRefused()
        return GatewayResponse(error.status, error_headers(error), error_body(error))
    return None


class UpgradeRefused(GatewayError):
    """426 sends Codex to plain HTTP at once; any other status costs it seven tries."""

    status, code, type = 426, "websocket_not_supported", "invalid_request_error"

    def __init__(self) -> None:
        super().__init__("This gateway speaks HTTP only; use server-sent events.", headers={"upgrade": "HTTP/1.1"})
