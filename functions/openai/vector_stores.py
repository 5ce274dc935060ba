"""The vector stores API."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve

blueprint = func.Blueprint()


@blueprint.route("v1/vector_stores", methods=ANY_METHOD)
async def vector_stores(req: Request) -> Response:
    """/v1/vector_stores"""
    return await serve(req)


@blueprint.route("v1/vector_stores/{*rest}", methods=ANY_METHOD)
async def vector_stores_below(req: Request) -> Response:
    """/v1/vector_stores/…"""
    return await serve(req)
