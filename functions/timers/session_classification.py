"""Every quarter of an hour: sessions are found in the calls that have come since, and classified."""

import azure.functions as func

from functions._jobs import run
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="0 7-59/15 * * * *", run_on_startup=False)
async def session_classification(timer: func.TimerRequest) -> None:
    """Bring the last days of every team up to date."""

    async def job(runtime: Runtime) -> object:
        from shared.jobs.session_classification import Classification

        zone, tell = runtime.config.finance.time_zone, runtime.telemetry.count
        return await Classification(runtime.documents, runtime.clock, zone, tell).run()

    await run("session_classification", job)
