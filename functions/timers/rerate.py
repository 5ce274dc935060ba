"""Every hour: what had no price when it was used is priced, if it has one by now."""

import azure.functions as func

from functions._jobs import run
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="0 42 * * * *", run_on_startup=False)
async def rerate(timer: func.TimerRequest) -> None:
    """Rate the unpriced use of the open months again."""

    async def job(runtime: Runtime) -> object:
        from shared.jobs.rerate import rerate as rerated

        return await rerated(runtime.documents, runtime.bookkeeping.ledger, runtime.prices, runtime.clock)

    await run("rerate", job)
