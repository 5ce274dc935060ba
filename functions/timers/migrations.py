"""Every five minutes: documents of an older schema are brought to the newest."""

import azure.functions as func

from functions._jobs import run
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="0 */5 * * * *", run_on_startup=False)
async def migrations(timer: func.TimerRequest) -> None:
    """Go on where the last tick stopped."""

    async def job(runtime: Runtime) -> object:
        from shared.jobs.migrate import migrate

        return await migrate(runtime.documents, runtime.clock)

    await run("migrations", job)
