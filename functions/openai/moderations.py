"""The moderations API, which Azure OpenAI lacks."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve

blueprint = func.Blueprint()


@blueprint.route("v1/moderations", methods=ANY_METHOD)
async def moderations(req: Request) -> Response:
    """/v1/moderations"""
    return await serve(req)
