"""/models: the region's base models, which are not the deployments."""

from devhost.simulator.catalog import DEPLOYMENTS
from devhost.simulator.errors import object_not_found
from devhost.simulator.exchange import Answer, Call, Json, Route, answer


def _models() -> dict[str, Json]:
    names = sorted({deployment.model for deployment in DEPLOYMENTS.values()})
    return {name: {"id": name, "object": "model", "created_at": 1_750_000_000, **_TRAITS} for name in names}


_TRAITS: Json = {
    "created": 1_750_000_000,
    "owned_by": "azure-openai",
    "status": "succeeded",
    "lifecycle_status": "stable",
}


def routes() -> tuple[Route, ...]:
    models = _models()

    async def page(_: Call) -> Answer:
        return answer({"object": "list", "data": list(models.values())})

    async def retrieve(call: Call) -> Answer:
        if call.ids[0] not in models:
            raise object_not_found("model", call.ids[0])
        return answer(models[call.ids[0]])

    return Route("GET", "models", page), Route("GET", "models/{id}", retrieve)
