"""Everything below /api/v1: the table of operations in `shared.management` says what there is."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve_management

blueprint = func.Blueprint()


@blueprint.route("api/v1/{*rest}", methods=ANY_METHOD)
async def z_rest_of_api(req: Request) -> Response:
    """/api/v1/…"""
    return await serve_management(req)
