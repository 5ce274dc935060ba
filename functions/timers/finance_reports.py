"""Every ten minutes: scheduled reports that are due are queued, and those that were left behind."""

import azure.functions as func

from functions._jobs import run
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="0 */10 * * * *", run_on_startup=False)
async def finance_reports(timer: func.TimerRequest) -> None:
    """Queue what is due."""

    async def job(runtime: Runtime) -> object:
        from shared.jobs.composition import reports_of
        from shared.jobs.finance_reports import queue_due

        return len(await queue_due(runtime.config.finance.reports, reports_of(runtime), runtime.events, runtime.clock))

    await run("finance_reports", job)
