"""GET /metrics: what this instance has counted."""

import azure.functions as func

from functions._http import Request, Response, serve_with
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.route("metrics", methods=["GET", "HEAD"])
async def metrics(req: Request) -> Response:
    """The text that Prometheus reads."""
    return await serve_with(req, _metrics)


async def _metrics(request: GatewayRequest, runtime: Runtime) -> GatewayResponse:
    from shared.management.metrics import answer_metrics

    is_kept = "prometheus" in runtime.settings.telemetry
    return await answer_metrics(request, runtime.callers, runtime.telemetry, runtime.clock, is_kept=is_kept)
