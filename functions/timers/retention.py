"""Every night: what has been kept long enough is exported and, where it may go, deleted."""

import azure.functions as func

from functions._jobs import run
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="0 25 2 * * *", run_on_startup=False)
async def retention(timer: func.TimerRequest) -> None:
    """Go on where the last night stopped."""

    async def job(runtime: Runtime) -> object:
        from shared.jobs.composition import archive_of, closing_of, reconciliation_of
        from shared.jobs.retention import Retention

        work = Retention(
            runtime.documents,
            runtime.clock,
            archive_of(runtime),
            reconciliation_of(runtime),
            closing_of(runtime),
            runtime.config.finance.retention,
        )
        return await work.run()

    await run("retention", job)
