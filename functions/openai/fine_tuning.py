"""The fine-tuning API."""

import azure.functions as func

from functions._http import ANY_METHOD, Request, Response, serve

blueprint = func.Blueprint()


@blueprint.route("v1/fine_tuning/jobs", methods=ANY_METHOD)
async def fine_tuning_jobs(req: Request) -> Response:
    """/v1/fine_tuning/jobs"""
    return await serve(req)


@blueprint.route("v1/fine_tuning/jobs/{*rest}", methods=ANY_METHOD)
async def fine_tuning_jobs_below(req: Request) -> Response:
    """/v1/fine_tuning/jobs/…"""
    return await serve(req)
