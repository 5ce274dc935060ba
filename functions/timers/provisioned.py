"""Every hour: what provisioned capacity has cost is divided among those who used it."""

import azure.functions as func

from functions._jobs import run
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="0 12 * * * *", run_on_startup=False)
async def provisioned(timer: func.TimerRequest) -> None:
    """Catch up on the hours that are over, and correct those of the last two days."""

    async def job(runtime: Runtime) -> object:
        from shared.jobs.provisioned import allocate

        books, pools = runtime.bookkeeping, runtime.config.provisioned
        zone = runtime.config.finance.time_zone
        return await allocate(
            runtime.documents, books.ledger, books.periods, pools, runtime.clock, books.notices, time_zone=zone
        )

    await run("provisioned", job)
