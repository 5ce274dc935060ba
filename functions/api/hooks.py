"""What other services tell the gateway, signed."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve_with
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.route("hooks/openai", methods=ANY_METHOD)
async def hooks_openai(req: Request) -> Response:
    """Work in the background has ended."""
    return await serve_with(req, _openai)


@blueprint.route("hooks/github", methods=["POST"])
async def hooks_github(req: Request) -> Response:
    """A pull request was opened, merged or closed."""
    return await serve_with(req, _github)


async def _openai(request: GatewayRequest, runtime: Runtime) -> GatewayResponse:
    from shared.gateway.hooks import receive_openai_event

    return await receive_openai_event(request, runtime, runtime.config.webhooks.openai_secret)


async def _github(request: GatewayRequest, runtime: Runtime) -> GatewayResponse:
    from shared.management.hooks import receive_github_event
    from shared.sessions.pull_requests import PullRequests

    pull_requests = PullRequests(runtime.documents, runtime.clock)
    return await receive_github_event(
        request, pull_requests, runtime.secrets, runtime.config.sessions.github_secret, runtime.clock
    )
