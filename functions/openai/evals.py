"""The evals API."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve

blueprint = func.Blueprint()


@blueprint.route("v1/evals", methods=ANY_METHOD)
async def evals(req: Request) -> Response:
    """/v1/evals"""
    return await serve(req)


@blueprint.route("v1/evals/{*rest}", methods=ANY_METHOD)
async def evals_below(req: Request) -> Response:
    """/v1/evals/…"""
    return await serve(req)
