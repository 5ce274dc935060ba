"""Every five minutes: messages that another machine kept and did not send are sent."""

import azure.functions as func

from functions._jobs import run
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="0 4/5 * * * *", run_on_startup=False)
async def republish(timer: func.TimerRequest) -> None:
    """Where nothing is stale, this costs one query a queue."""

    async def job(runtime: Runtime) -> object:
        from shared.jobs.dead_letters import QUEUES
        from shared.jobs.republish import republish as republish_queue
        from shared.jobs.republish import set_aside
        from shared.ledger.rejected import RejectedStore

        documents, clock = runtime.documents, runtime.clock
        sent = [await republish_queue(documents, runtime.events, clock, queue) for queue in QUEUES]
        return sum(sent) + await set_aside(documents, RejectedStore(documents, clock), clock)

    await run("republish", job)
