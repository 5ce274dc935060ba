"""OpenAI's usage and costs endpoints, answered from the ledger."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve_with
from functions._runtime import process
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.route("v1/organization/costs", methods=ANY_METHOD)
async def organization_costs(req: Request) -> Response:
    """/v1/organization/costs"""
    return await serve_with(req, _handle)


@blueprint.route("v1/organization/usage/{category}", methods=ANY_METHOD)
async def organization_usage(req: Request) -> Response:
    """/v1/organization/usage/{category}"""
    return await serve_with(req, _handle)


async def _handle(request: GatewayRequest, runtime: Runtime) -> GatewayResponse:
    return await (await process.organization()).handle(request)
