"""The queue `alerts`: every notice, brought to its channels."""

import typing

import azure.functions as func

from functions._jobs import run
from shared.queues import ALERTS
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.service_bus_queue_trigger(
    arg_name="messages",
    queue_name=ALERTS,
    connection="ServiceBusConnection",
    cardinality=func.Cardinality.MANY,
)
async def deliver_alerts(messages: typing.List[func.ServiceBusMessage]) -> None:  # noqa: UP006 - the runtime loads no other form
    """Deliver a batch of notices."""
    bodies = [message.get_body() for message in messages]

    async def job(runtime: Runtime) -> object:
        from shared.jobs.deliver_alert import delivery_of

        return await delivery_of(runtime).deliver(bodies)

    await run("deliver_alerts", job)
