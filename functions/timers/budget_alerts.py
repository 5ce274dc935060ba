"""Every minute: alerts of budgets become notices, and deliveries that failed or were left behind are taken up again."""

import azure.functions as func

from functions._jobs import run
from shared.runtime import Runtime

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="0 * * * * *", run_on_startup=False)
async def budget_alerts(timer: func.TimerRequest) -> None:
    """Raise, publish again, and deliver what is due."""

    async def job(runtime: Runtime) -> object:
        from shared.jobs.budget_alerts import budget_alerts_of
        from shared.jobs.budget_figures import tell_budgets
        from shared.jobs.deliver_alert import delivery_of

        await budget_alerts_of(runtime).run()
        await tell_budgets(runtime)
        await runtime.bookkeeping.notices.republish()
        return await delivery_of(runtime).sweep()

    await run("budget_alerts", job)
