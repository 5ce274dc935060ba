"""Twice an hour: hours that have ended are compared with what is usual, wherever on the clock the reporting zone's hours begin."""

import azure.functions as func

from functions._jobs import run
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="0 12,42 * * * *", run_on_startup=False)
async def anomalies(timer: func.TimerRequest) -> None:
    """Look at the hours since the last tick."""

    async def job(runtime: Runtime) -> object:
        from shared.jobs.anomalies import anomalies_of

        return await anomalies_of(runtime).run()

    await run("anomalies", job)
