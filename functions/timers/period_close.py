"""Every five minutes: reporting months that are being closed, or are due to be."""

import azure.functions as func

from functions._jobs import run
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="30 */5 * * * *", run_on_startup=False)
async def period_close(timer: func.TimerRequest) -> None:
    """Go on where the last tick stopped."""

    async def job(runtime: Runtime) -> object:
        from shared.jobs.composition import closing_of
        from shared.jobs.period_close import close_periods

        return len(await close_periods(closing_of(runtime), runtime.bookkeeping.notices, runtime.clock))

    await run("period_close", job)
