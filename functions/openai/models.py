"""The models API, answered from the routes."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve

blueprint = func.Blueprint()


@blueprint.route("v1/models", methods=ANY_METHOD)
async def models(req: Request) -> Response:
    """/v1/models"""
    return await serve(req)


@blueprint.route("v1/models/{id}", methods=ANY_METHOD)
async def model(req: Request) -> Response:
    """/v1/models/{id}"""
    return await serve(req)
