"""Step 6: passes the upstream's answer on, untouched, while its usage is read on the side."""

import re

from shared.errors import GatewayError
from shared.gateway.attempt import StoredAnswer, UpstreamUnreachable
from shared.gateway.body import SMALL, beside_others
from shared.gateway.call import Call, Json
from shared.gateway.headers import to_caller
from shared.gateway.late import settle_late
from shared.gateway.message import GatewayResponse, HeaderList
from shared.gateway.objects import register_answer
from shared.gateway.settle import settle
from shared.gateway.spending.downshift import HEADER as DOWNSHIFT
from shared.gateway.spending.refusals import LimitExceeded
from shared.gateway.stream import IDLE_S, StreamRelay
from shared.gateway.watch import EVIDENCE, note_answer, parse_tolerantly
from shared.providers.port import ConnectionLost, IdleTimeout, UpstreamFailure, UpstreamResponse
from shared.runtime import Runtime
from shared.usage.model import Outcome, Units
from shared.usage.reading import usage_from
from shared.wire.openai.endpoints import Meter

JSON_LIMIT = 256 * 1024 * 1024
SPILLOVER = "x-ms-spillover-from-"
"""Begins the header by which Azure says that a standard deployment served what a provisioned one could not."""

_OF_TEXT = frozenset({Meter.CHAT, Meter.COMPLETION, Meter.RESPONSE})
_OF_NUMBERS = frozenset({Meter.EMBEDDING, Meter.IMAGE})

_USAGE = re.compile(rb'"usage"\s*:\s*(\{(?:[^{}]|\{[^{}]*\})*\})')


async def relay(call: Call, answer: UpstreamResponse | StoredAnswer, runtime: Runtime) -> GatewayResponse:
    """Return the answer for the caller; what streams is settled when it ends, everything else now."""
    headers = [*to_caller(answer.headers, call.limit_headers), *gateway_headers(call)]
    call.seen.is_spillover = any(name.startswith(SPILLOVER) for name, _ in answer.headers)
    if isinstance(answer, StoredAnswer):
        call.seen.bytes = len(answer.body)
        await _read(call, answer.body, answer.status)
        return _whole(call, runtime, answer.status, headers, answer.body)
    content_type = answer.header("content-type") or ""
    if not content_type.startswith("application/json") or call.endpoint.name.endswith(".content"):
        return StreamRelay(call, answer, runtime).response(headers, content_type)
    body = await _whole_body(call, answer, runtime)
    parsed = await _read(call, body, answer.status)
    if answer.status < 400:
        call.is_in_doubt = False
    if call.endpoint.creates or call.endpoint.owned:
        await register_answer(call, runtime, parsed, answer.status)
        settle_late(call, runtime, parsed)
    return _whole(call, runtime, answer.status, headers, body)


async def _whole_body(call: Call, answer: UpstreamResponse, runtime: Runtime) -> bytes:
    """Read it all. Raises UpstreamUnreachable; what has come by then shows what was made, and is billed."""
    deployment, pieces, seen = runtime.router.deployment(call.deployment or ""), [], call.seen
    idle_s = deployment.timeouts.idle_s if deployment else IDLE_S
    try:
        while piece := await answer.read_some(idle_s):
            pieces.append(piece)
            seen.bytes += len(piece)
            if seen.bytes > JSON_LIMIT:
                raise ConnectionLost
        if piece is None:
            raise IdleTimeout
    except UpstreamFailure as failure:
        if answer.status < 400 and call.endpoint.meter in _OF_TEXT and pieces:
            seen.is_cut = True
            seen.output += b"".join(pieces)[:EVIDENCE]
        raise UpstreamUnreachable from failure
    finally:
        answer.close()
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def gateway_headers(call: Call) -> HeaderList:
    """What happened on the way: the request id, the deployment that answered, and how many were tried."""
    headers = [("x-request-id", call.id), *call.limit_headers]
    if call.deployment is not None:
        headers.append(("x-gateway-deployment", call.deployment))
        headers.append(("x-gateway-attempts", str(len(call.attempts))))
    if call.downshifted_from is not None:
        headers.append((DOWNSHIFT, call.model or ""))
    return headers


def refusal(call: Call, runtime: Runtime, error: GatewayError) -> None:
    """Settle a call that ends in an error of ours."""
    call.seen.error_code = error.code
    call.limit = error.unit if isinstance(error, LimitExceeded) else None
    settle(call, runtime, error.status, Outcome.UPSTREAM_ERROR if call.attempts else Outcome.REFUSED)


def _whole(call: Call, runtime: Runtime, status: int, headers: HeaderList, body: bytes) -> GatewayResponse:
    settle(call, runtime, status, Outcome.COMPLETED if status < 400 else Outcome.UPSTREAM_ERROR)
    return GatewayResponse(status, headers, body)


async def _read(call: Call, body: bytes, status: int) -> Json:
    """Learn what the answer says, and return it as far as it was parsed."""
    seen, meter = call.seen, call.endpoint.meter
    if len(body) > SMALL and meter in _OF_NUMBERS:
        # Nothing in these is the caller's text, so that the usage can be found without parsing millions of numbers.
        if found := _USAGE.search(body, max(0, len(body) - 8192)) or _USAGE.search(body, 0, 8192):
            note_answer(seen, {"usage": parse_tolerantly(found[1])}, meter)
        _count_images(call, status, body.count(b'"b64_json"'))
        return {}
    is_small = len(body) <= SMALL
    parsed = await beside_others(len(body), parse_tolerantly, body)
    if parsed is not None:
        note_answer(seen, parsed, meter)
        made = parsed.get("data")
        _count_images(call, status, len(made) if isinstance(made, list) else 0)
        if isinstance(duration := parsed.get("duration"), int | float):
            _note_duration(call, duration)
    if seen.usage is None and status < 400 and is_small and meter in _OF_TEXT:
        seen.output += body
    return parsed or {}


def _count_images(call: Call, status: int, count: int) -> None:
    if status < 400 and call.endpoint.meter is Meter.IMAGE:
        call.units = Units(images=count)


def _note_duration(call: Call, seconds: float) -> None:
    """verbose_json tells the recording's length where it carries no usage."""
    if call.endpoint.meter is Meter.TRANSCRIPTION and call.seen.usage is None:
        call.seen.usage = usage_from({"type": "duration", "seconds": seconds})
