"""The queue `reports`: each message names a run of a report, which is made once however often its message is delivered."""

import azure.functions as func

from functions._jobs import run
from shared.queues import REPORTS
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.service_bus_queue_trigger(
    arg_name="message", queue_name=REPORTS, connection="ServiceBusConnection", cardinality=func.Cardinality.ONE
)
async def reports(message: func.ServiceBusMessage) -> None:
    """Make one report."""
    body = message.get_body()

    async def job(runtime: Runtime) -> object:
        from shared.jobs.composition import reports_of
        from shared.jobs.finance_reports import run_report

        return await run_report(body, reports_of(runtime), runtime.bookkeeping.notices.raise_)

    await run("reports", job)
