"""The management API on a running gateway: budgets as they stand, and calls as the gateway itself would judge them."""

from shared.budgets.model import BudgetStatus, allowance_of, rule_of
from shared.callers.model import Caller
from shared.directory.model import Budget
from shared.jobs.composition import channels_of, closing_of, reconciliation_of, reports_of
from shared.jobs.usage_reconcile import azure_names
from shared.keys.use import KeyUseStore
from shared.management.answers import Explanation
from shared.management.authority import Authority
from shared.management.explanation import explain
from shared.management.live_books import Services, books_of
from shared.management.ports import Parts
from shared.management.requests import ExplainRequest
from shared.runtime import Runtime


def parts_of(runtime: Runtime) -> Parts:
    async def budget_status(budget: Budget) -> BudgetStatus:
        now = runtime.clock.now()
        level = await runtime.leases.look(allowance_of(budget))
        return runtime.budgets.status(budget, level, rule_of(budget).at(now), now)

    async def explained(caller: Caller, request: ExplainRequest, viewer: Authority) -> Explanation:
        return await explain(caller, request, runtime, viewer)

    administration = runtime.administration
    return Parts(
        clock=runtime.clock,
        pepper=administration.pepper,
        store=administration.store,
        audit=administration.audit,
        file=administration.declared,
        callers=runtime.callers,
        alerts=administration.alerts,
        budget_status=budget_status,
        explain=explained,
        secrets=administration.secrets,
        last_used=KeyUseStore(runtime.documents).last_used,
        books=books_of(_services(runtime)),
    )


def _services(runtime: Runtime) -> Services:
    config, books = runtime.config, runtime.bookkeeping
    deployments = [runtime.router.deployment(item.name) for item in config.deployments]
    return Services(
        documents=runtime.documents,
        clock=runtime.clock,
        directory=runtime.administration.store,
        prices=runtime.prices,
        events=runtime.events,
        letters=books.letters,
        ledger=books.ledger,
        reconciliation=reconciliation_of(runtime),
        closing=closing_of(runtime),
        runs=lambda: reports_of(runtime),
        storage=books.storage,
        finance=config.finance,
        sessions=config.sessions,
        alerting=config.alerting,
        channels=channels_of(runtime),
        azure_names=azure_names(deployment for deployment in deployments if deployment is not None),
    )
