"""Every minute: new entries of the ledger and of the audit log are pushed to where the configuration says."""

import azure.functions as func

from functions._jobs import run
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="30 * * * * *", run_on_startup=False)
async def export_events(timer: func.TimerRequest) -> None:
    """Go on behind what was taken last."""

    async def job(runtime: Runtime) -> object:
        from shared.jobs.export_events import push_all
        from shared.jobs.export_sinks import sinks_of

        return await push_all(runtime.documents, runtime.clock, sinks_of(runtime))

    await run("export_events", job)
