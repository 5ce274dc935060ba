"""The files API."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve

blueprint = func.Blueprint()


@blueprint.route("v1/files", methods=ANY_METHOD)
async def files(req: Request) -> Response:
    """/v1/files"""
    return await serve(req)


@blueprint.route("v1/files/{id}", methods=ANY_METHOD)
async def file(req: Request) -> Response:
    """/v1/files/{id}"""
    return await serve(req)


@blueprint.route("v1/files/{id}/content", methods=ANY_METHOD)
async def file_content(req: Request) -> Response:
    """/v1/files/{id}/content"""
    return await serve(req)
