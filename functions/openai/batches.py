"""The batches API."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve

blueprint = func.Blueprint()


@blueprint.route("v1/batches", methods=ANY_METHOD)
async def batches(req: Request) -> Response:
    """/v1/batches"""
    return await serve(req)


@blueprint.route("v1/batches/{id}", methods=ANY_METHOD)
async def batch(req: Request) -> Response:
    """/v1/batches/{id}"""
    return await serve(req)


@blueprint.route("v1/batches/{id}/cancel", methods=ANY_METHOD)
async def batch_cancel(req: Request) -> Response:
    """/v1/batches/{id}/cancel"""
    return await serve(req)
