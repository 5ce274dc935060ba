"""Every hour: the ledger is proved, and budgets are held against it."""

import azure.functions as func

from functions._jobs import run
from shared.runtime import Runtime
from shared.telemetry.instruments import BOOKS_DIFFERENCES

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="0 22 * * * *", run_on_startup=False)
async def usage_reconcile(timer: func.TimerRequest) -> None:
    """Go on where the last tick stopped."""

    async def job(runtime: Runtime) -> object:
        from shared.jobs.composition import reconciliation_of
        from shared.jobs.usage_reconcile import budgets_of, compare_budgets, reconcile_usage
        from shared.ledger.store import LedgerStore
        from shared.reconciliation.budgets import BudgetComparison

        ledger, clock = LedgerStore(runtime.documents), runtime.clock
        zone = runtime.config.finance.time_zone
        try:
            done = await reconcile_usage(reconciliation_of(runtime), ledger, runtime.bookkeeping.notices, clock)
            runtime.telemetry.count(BOOKS_DIFFERENCES, done.different)
            return done
        finally:
            comparison = BudgetComparison(runtime.documents, ledger, runtime.leases, clock, time_zone=zone)
            budgets = await budgets_of(runtime.administration.store, runtime.administration.declared)
            findings = await compare_budgets(comparison, budgets, runtime.bookkeeping.notices)
            runtime.telemetry.count(BOOKS_DIFFERENCES, sum(finding.is_lasting for finding in findings))

    await run("usage_reconcile", job)
