"""The containers API."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve

blueprint = func.Blueprint()


@blueprint.route("v1/containers", methods=ANY_METHOD)
async def containers(req: Request) -> Response:
    """/v1/containers"""
    return await serve(req)


@blueprint.route("v1/containers/{*rest}", methods=ANY_METHOD)
async def containers_below(req: Request) -> Response:
    """/v1/containers/…"""
    return await serve(req)
