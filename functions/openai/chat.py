"""The chat completions API."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve

blueprint = func.Blueprint()


@blueprint.route("v1/chat/completions", methods=ANY_METHOD)
async def chat_completions(req: Request) -> Response:
    """/v1/chat/completions"""
    return await serve(req)
