"""The images API."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve

blueprint = func.Blueprint()


@blueprint.route("v1/images/generations", methods=ANY_METHOD)
async def images_generations(req: Request) -> Response:
    """/v1/images/generations"""
    return await serve(req)


@blueprint.route("v1/images/edits", methods=ANY_METHOD)
async def images_edits(req: Request) -> Response:
    """/v1/images/edits"""
    return await serve(req)


@blueprint.route("v1/images/variations", methods=ANY_METHOD)
async def images_variations(req: Request) -> Response:
    """/v1/images/variations"""
    return await serve(req)
