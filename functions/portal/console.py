"""Everything below /console: pages for operators."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve_console

blueprint = func.Blueprint()


@blueprint.route("console", methods=ANY_METHOD)
async def console_overview(req: Request) -> Response:
    """/console"""
    return await serve_console(req)


@blueprint.route("console/{*rest}", methods=ANY_METHOD)
async def z_rest_of_console(req: Request) -> Response:
    """/console/…"""
    return await serve_console(req)
