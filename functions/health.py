"""GET /health and GET /health/ready: whether the process lives, and whether it can serve."""

import logging

import azure.functions as func
import orjson

from functions._http import RelayResponse, Request, Response
from functions._runtime import process
from shared.configuration.loading import ConfigurationInvalid
from shared.gateway.health import readiness
from shared.gateway.message import GatewayResponse
from shared.providers.port import SecretUnavailable
from shared.settings import SettingsInvalid

blueprint = func.Blueprint()
_log = logging.getLogger("tollgate.health")


@blueprint.route("health", methods=["GET", "HEAD"])
async def health(req: Request) -> Response:
    """The process lives; nothing else is looked at."""
    return RelayResponse(_answer(200, {"status": "ok"}))


@blueprint.route("health/ready", methods=["GET", "HEAD"])
async def health_ready(req: Request) -> Response:
    """503 until every component is well; the log says what is wrong, the answer only where."""
    try:
        runtime, _ = await process.ready()
    except (ConfigurationInvalid, SecretUnavailable, SettingsInvalid) as error:
        _log.error("Not ready: %s", error)
        return RelayResponse(_answer(503, {"status": "unavailable", "components": {"configuration": "failed"}}))
    components = await readiness(runtime)
    is_ready = all(components.values())
    named = {name: "ok" if is_well else "failed" for name, is_well in components.items()}
    return RelayResponse(
        _answer(200 if is_ready else 503, {"status": "ok" if is_ready else "unavailable", "components": named})
    )


def _answer(status: int, body: dict[str, object]) -> GatewayResponse:
    return GatewayResponse(
        status, [("content-type", "application/json"), ("cache-control", "no-store")], orjson.dumps(body)
    )
