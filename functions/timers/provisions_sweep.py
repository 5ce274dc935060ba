"""Every five minutes: batches and background responses that nobody came back for are asked for and settled."""

import azure.functions as func

from functions._jobs import run
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="0 2/5 * * * *", run_on_startup=False)
async def provisions_sweep(timer: func.TimerRequest) -> None:
    """Go on where the last tick stopped."""

    async def job(runtime: Runtime) -> object:
        from shared.gateway.late import LateWork
        from shared.jobs.provisions_sweep import sweep
        from shared.ownership.open_work import OpenWorkStore

        open_work = OpenWorkStore(runtime.documents)
        return await sweep(open_work, LateWork(runtime), runtime.bookkeeping.notices, runtime.clock)

    await run("provisions_sweep", job)
