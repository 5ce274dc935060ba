"""Tells telemetry how far budgets are used: the fullest ones only, as there may be one for every person."""

from shared.budgets.model import allowance_of
from shared.documents import StoreUnavailable
from shared.jobs.usage_reconcile import budgets_of
from shared.money import nano
from shared.runtime import Runtime
from shared.telemetry.instruments import BUDGET_USED
from shared.telemetry.vocabulary import NONE

EVERY_MINUTES = 5
"""To look at a budget is to read a document."""

MOST, FROM = 200, 0.5
LOOKED_AT = 1_000


async def tell_budgets(runtime: Runtime) -> int:
    """Tell of the budgets that are half used or more, and return how many these are; between whiles of nothing.

    A budget that the store does not tell about now is left out.
    """
    if not runtime.telemetry.is_on or runtime.clock.now().minute % EVERY_MINUTES:
        return 0
    administration = runtime.administration
    used: list[tuple[float, str, str]] = []
    for budget, team in (await budgets_of(administration.store, administration.declared))[:LOOKED_AT]:
        try:
            level = await runtime.leases.look(allowance_of(budget))
        except StoreUnavailable:
            continue
        whole = nano(budget.amount)
        share = level.used / whole if whole else 1.0
        if share >= FROM:
            used.append((share, budget.id, team or NONE))
    for share, budget_id, team in sorted(used, reverse=True)[:MOST]:
        runtime.telemetry.count(BUDGET_USED, share, budget=budget_id, team=team)
    return len(used)
