"""Lists of owned objects: built from the registry, because the upstream's own list shows every team's."""

import asyncio
from urllib.parse import parse_qsl

import orjson

from shared.errors import BadRequest, GatewayError
from shared.gateway.attempt import Attempts, StoredAnswer
from shared.gateway.call import Call, Json
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.gateway.relay import gateway_headers
from shared.gateway.settle import settle
from shared.gateway.watch import parse_tolerantly
from shared.ownership.model import OwnedObject
from shared.providers.port import UpstreamFailure
from shared.runtime import Runtime
from shared.usage.model import Outcome
from shared.wire.openai.endpoints import Endpoint
from shared.wire.openai.routes import Match

MAX_LIMIT, DEFAULT_LIMIT, AT_ONCE, OBJECT_LIMIT = 100, 20, 8, 4 * 1024 * 1024


async def answer_list(call: Call, request: GatewayRequest, runtime: Runtime) -> GatewayResponse:
    """Return one page of the caller's objects as the upstream describes each of them now."""
    kind, query = call.owned_kind, dict(parse_qsl(request.query))
    limit, descending = _limit(query), query.get("order", "desc") != "asc"
    # However many reads there are behind it, the list is one call.
    call.is_made = True
    edge = await _edge(call, runtime, query)
    owned = await runtime.ownership.page(
        call.caller.team, kind, edge, descending=descending, limit=limit + 1, label=query.get("purpose")
    )
    page, has_more = owned[:limit], len(owned) > limit
    gate = asyncio.Semaphore(AT_ONCE)
    found = await asyncio.gather(*(_describe(item, call, request, runtime, gate) for item in page))
    described = [item for item in found if item is not None]
    body = {
        "object": "list",
        "data": described,
        "first_id": described[0].get("id") if described else None,
        "last_id": page[-1].id if page else None,
        "has_more": has_more,
    }
    settle(call, runtime, 200, Outcome.COMPLETED)
    headers = [("content-type", "application/json"), *gateway_headers(call)]
    return GatewayResponse(200, headers, orjson.dumps(body))


def _limit(query: dict[str, str]) -> int:
    text = query.get("limit", str(DEFAULT_LIMIT))
    if not (text.isdecimal() and text.isascii() and len(text) < 10) or int(text) < 1:
        raise BadRequest("`limit` must be a positive whole number.", param="limit", code="invalid_value")
    return min(int(text), MAX_LIMIT)


async def _edge(call: Call, runtime: Runtime, query: dict[str, str]) -> str | None:
    after = query.get("after")
    if not after:
        return None
    return (await runtime.ownership.locate(after, call.caller.team, "after")).created


async def _describe(
    owned: OwnedObject, call: Call, request: GatewayRequest, runtime: Runtime, gate: asyncio.Semaphore
) -> Json | None:
    """Read one object upstream; None where it has gone or cannot be read now."""
    inner = Call(call.id, call.started_at, call.started, call.caller, "GET")
    inner.match = Match(_retrieval(call.endpoint), None, (owned.id,), call.matched.azure_shaped)
    bare = GatewayRequest("GET", request.path, "", request.headers, request.header_list, request.body)
    async with gate:
        try:
            inner.plan = runtime.router.plan_for(owned.deployment)
            answer = await Attempts(inner, bare, runtime).in_order()
        except GatewayError:
            return None
        if isinstance(answer, StoredAnswer):
            return None
        try:
            body = await answer.read(OBJECT_LIMIT)
        except UpstreamFailure:
            return None
        finally:
            answer.close()
    return parse_tolerantly(body) if answer.status < 400 else None


def _retrieval(listing: Endpoint) -> Endpoint:
    """The operation that reads one object of a list."""
    return Endpoint(listing.name.replace(".list", ".retrieve"), "GET", f"{listing.path}/{{id}}", owned=listing.owned)
