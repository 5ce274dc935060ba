"""The realtime API, as far as it is plain HTTP."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve

blueprint = func.Blueprint()


@blueprint.route("v1/realtime/client_secrets", methods=ANY_METHOD)
async def realtime_client_secrets(req: Request) -> Response:
    """/v1/realtime/client_secrets"""
    return await serve(req)


@blueprint.route("v1/realtime/calls", methods=ANY_METHOD)
async def realtime_calls(req: Request) -> Response:
    """/v1/realtime/calls"""
    return await serve(req)
