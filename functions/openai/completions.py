"""The legacy completions API."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve

blueprint = func.Blueprint()


@blueprint.route("v1/completions", methods=ANY_METHOD)
async def completions(req: Request) -> Response:
    """/v1/completions"""
    return await serve(req)
