"""The embeddings API."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve

blueprint = func.Blueprint()


@blueprint.route("v1/embeddings", methods=ANY_METHOD)
async def embeddings(req: Request) -> Response:
    """/v1/embeddings"""
    return await serve(req)
