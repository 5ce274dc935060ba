"""The Responses API."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve

blueprint = func.Blueprint()


@blueprint.route("v1/responses", methods=ANY_METHOD)
async def responses(req: Request) -> Response:
    """/v1/responses"""
    return await serve(req)


@blueprint.route("v1/responses/input_tokens", methods=ANY_METHOD)
async def responses_input_tokens(req: Request) -> Response:
    """/v1/responses/input_tokens"""
    return await serve(req)


@blueprint.route("v1/responses/compact", methods=ANY_METHOD)
async def responses_compact(req: Request) -> Response:
    """/v1/responses/compact"""
    return await serve(req)


@blueprint.route("v1/responses/{id}", methods=ANY_METHOD)
async def responses_item(req: Request) -> Response:
    """/v1/responses/{id}"""
    return await serve(req)


@blueprint.route("v1/responses/{id}/cancel", methods=ANY_METHOD)
async def responses_item_cancel(req: Request) -> Response:
    """/v1/responses/{id}/cancel"""
    return await serve(req)


@blueprint.route("v1/responses/{id}/input_items", methods=ANY_METHOD)
async def responses_item_input_items(req: Request) -> Response:
    """/v1/responses/{id}/input_items"""
    return await serve(req)
