"""The Azure-shaped addresses, and everything that is no address at all: few functions over the same routes.

The host tries functions in the order of their names, so the names of catch-alls come last.
"""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve

blueprint = func.Blueprint()


@blueprint.route("v1/{*rest}", methods=ANY_METHOD)
async def z_rest_of_v1(req: Request) -> Response:
    """/v1/deployments/{model}/… as AzureOpenAI builds it from a base_url, the base URL itself, and unknown addresses."""
    return await serve(req)


@blueprint.route("openai/{*rest}", methods=ANY_METHOD)
async def z_rest_of_openai(req: Request) -> Response:
    """/openai/v1/…, /openai/deployments/{model}/… and /openai/…."""
    return await serve(req)


@blueprint.route("/", methods=ANY_METHOD)
async def root(req: Request) -> Response:
    """The bare address of the gateway."""
    return await serve(req)
