"""Every five minutes: events that only an outage kept out go back to their queue, and people are told of the rest."""

import azure.functions as func

from functions._jobs import run
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="30 3/5 * * * *", run_on_startup=False)
async def dead_letters(timer: func.TimerRequest) -> None:
    """Replay what can be, count what waits, and raise a notice where something is new."""

    async def job(runtime: Runtime) -> object:
        from shared.jobs.dead_letter_notices import raise_dead_letter_notices
        from shared.jobs.dead_letters import QUEUES, replay_events
        from shared.ledger.rejected import RejectedStore

        rejected = RejectedStore(runtime.documents, runtime.clock)
        books = runtime.bookkeeping
        await replay_events(books.letters, rejected, runtime.clock)
        return await raise_dead_letter_notices(books.letters, rejected, books.notices, runtime.clock, QUEUES)

    await run("dead_letters", job)
