"""The queue `usage-events`: every call's usage event, posted to the ledger once."""

import typing
from dataclasses import replace
from functools import partial

import azure.functions as func

from functions._jobs import patiently, run
from shared.queues import USAGE_EVENTS
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.service_bus_queue_trigger(
    arg_name="messages",
    queue_name=USAGE_EVENTS,
    connection="ServiceBusConnection",
    cardinality=func.Cardinality.MANY,
)
async def usage_ingest(messages: typing.List[func.ServiceBusMessage]) -> None:  # noqa: UP006 - the runtime loads no other form
    """Post a batch of events."""
    bodies = [message.get_body() for message in messages]

    async def job(runtime: Runtime) -> int:
        from shared.gateway.spending.provisions import keep_pending
        from shared.jobs.composition import intake_of
        from shared.jobs.usage_ingest import ingest

        intake = replace(intake_of(runtime), provide=partial(keep_pending, runtime))
        return await patiently(lambda: ingest(bodies, intake, runtime.last_use), runtime.clock)

    await run("usage_ingest", job)
