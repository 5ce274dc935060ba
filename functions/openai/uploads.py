"""The uploads API, which Azure OpenAI lacks."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve

blueprint = func.Blueprint()


@blueprint.route("v1/uploads", methods=ANY_METHOD)
async def uploads(req: Request) -> Response:
    """/v1/uploads"""
    return await serve(req)


@blueprint.route("v1/uploads/{*rest}", methods=ANY_METHOD)
async def uploads_below(req: Request) -> Response:
    """/v1/uploads/…"""
    return await serve(req)
