"""Step 6: passes the upstream's answer on, untouched, while its usage is read on the side."""

import re

from shared.errors import GatewayError
from shared.gateway.attempt import StoredAnswer, UpstreamUnreachable
from shared.gateway.call import Call
from shared.gateway.headers import to_caller
from shared.gateway.message import GatewayResponse, HeaderList
from shared.gateway.objects import register_answer
from shared.gateway.settle import settle
from shared.gateway.stream import StreamRelay
from shared.gateway.watch import containers_in, note_answer, parse_tolerantly
from shared.providers.port import UpstreamFailure, UpstreamResponse
from shared.runtime import Runtime
from shared.usage.model import Outcome, Units
from shared.usage.reading import usage_from
from shared.wire.openai.endpoints import Meter

JSON_LIMIT = 256 * 1024 * 1024
PARSED_WHOLE = 256 * 1024
"""Larger JSON answers, such as embeddings and pictures, are not parsed: their usage is looked for at their end."""

_USAGE = re.compile(rb'"usage"\s*:\s*(\{(?:[^{}]|\{[^{}]*\})*\})')


async def relay(call: Call, answer: UpstreamResponse | StoredAnswer, runtime: Runtime) -> GatewayResponse:
    """Return the answer for the caller; what streams is settled when it ends, everything else now."""
    headers = [*to_caller(answer.headers), *gateway_headers(call)]
    if isinstance(answer, StoredAnswer):
        return _whole(call, runtime, answer.status, headers, answer.body)
    content_type = answer.header("content-type") or ""
    if not content_type.startswith("application/json"):
        return StreamRelay(call, answer, runtime).response(headers, content_type)
    try:
        body = await answer.read(JSON_LIMIT)
    except UpstreamFailure as failure:
        _note_failure(call, failure)
        raise UpstreamUnreachable from failure
    if call.endpoint.creates or call.endpoint.owned or b"cntr_" in body:
        await register_answer(call, runtime, parse_tolerantly(body) or {}, containers_in(body))
    return _whole(call, runtime, answer.status, headers, body)


def gateway_headers(call: Call) -> HeaderList:
    """What happened on the way: the request id, the deployment that answered, and how many were tried."""
    headers = [("x-request-id", call.id)]
    if call.deployment is not None:
        headers.append(("x-gateway-deployment", call.deployment))
        headers.append(("x-gateway-attempts", str(len(call.attempts))))
    return headers


def refusal(call: Call, runtime: Runtime, error: GatewayError) -> None:
    """Settle a call that ends in an error of ours."""
    call.seen.error_code = error.code
    settle(call, runtime, error.status, Outcome.UPSTREAM_ERROR if call.attempts else Outcome.REFUSED)


def _whole(call: Call, runtime: Runtime, status: int, headers: HeaderList, body: bytes) -> GatewayResponse:
    call.seen.bytes = len(body)
    _read(call, body, status)
    settle(call, runtime, status, Outcome.COMPLETED if status < 400 else Outcome.UPSTREAM_ERROR)
    return GatewayResponse(status, headers, body)


def _read(call: Call, body: bytes, status: int) -> None:
    seen = call.seen
    if len(body) <= PARSED_WHOLE:
        parsed = parse_tolerantly(body)
        if parsed is not None:
            note_answer(seen, parsed)
            made = parsed.get("data")
            _count_images(call, status, len(made) if isinstance(made, list) else 0)
            if isinstance(duration := parsed.get("duration"), int | float):
                _note_duration(call, duration)
    elif found := _USAGE.search(body, max(0, len(body) - 8192)) or _USAGE.search(body, 0, 8192):
        seen.usage = usage_from(parse_tolerantly(found[1]))
        _count_images(call, status, body.count(b'"b64_json"'))
    if seen.usage is None and status < 400 and len(body) <= PARSED_WHOLE:
        seen.output += body


def _count_images(call: Call, status: int, count: int) -> None:
    if status < 400 and call.endpoint.meter is Meter.IMAGE:
        call.units = Units(images=count)


def _note_duration(call: Call, seconds: float) -> None:
    """verbose_json tells the recording's length where it carries no usage."""
    if call.endpoint.meter is Meter.TRANSCRIPTION and call.seen.usage is None:
        call.seen.usage = usage_from({"type": "duration", "seconds": seconds})


def _note_failure(call: Call, failure: UpstreamFailure) -> None:
    call.seen.error_code = failure.kind
