"""The audio API."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve

blueprint = func.Blueprint()


@blueprint.route("v1/audio/speech", methods=ANY_METHOD)
async def audio_speech(req: Request) -> Response:
    """/v1/audio/speech"""
    return await serve(req)


@blueprint.route("v1/audio/transcriptions", methods=ANY_METHOD)
async def audio_transcriptions(req: Request) -> Response:
    """/v1/audio/transcriptions"""
    return await serve(req)


@blueprint.route("v1/audio/translations", methods=ANY_METHOD)
async def audio_translations(req: Request) -> Response:
    """/v1/audio/translations"""
    return await serve(req)
