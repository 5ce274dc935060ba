"""GET /v1/models: the names that this caller may ask for, which are the gateway's own and not the upstream's catalogue."""

import orjson

from shared.gateway.call import Call
from shared.gateway.message import GatewayResponse
from shared.gateway.relay import gateway_headers
from shared.gateway.settle import settle
from shared.routing.service import ModelNotFound
from shared.runtime import Runtime
from shared.usage.model import Outcome


def answer_models(call: Call, runtime: Runtime) -> GatewayResponse:
    """List the caller's models or return one of them. Raises ModelNotFound."""
    policy, router = call.caller.policy, runtime.router
    if call.matched.ids:
        model = call.matched.ids[0]
        if not policy.admits("models", model) or not router.knows(model):
            raise ModelNotFound(model)
        body = orjson.dumps(_model(model))
    else:
        models = [_model(alias) for alias in router.aliases() if policy.admits("models", alias)]
        body = orjson.dumps({"object": "list", "data": models})
    settle(call, runtime, 200, Outcome.COMPLETED)
    return GatewayResponse(200, [("content-type", "application/json"), *gateway_headers(call)], body)


def _model(alias: str) -> dict[str, object]:
    """A model as the SDKs read it; a name of the gateway has no date of its own."""
    return {"id": alias, "object": "model", "created": 0, "owned_by": "tollgate"}
