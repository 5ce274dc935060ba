"""Sends a call to a cheaper alias where a budget that runs out asks for it, and says so in the answer."""

from shared.documents import StoreUnavailable
from shared.gateway.call import Call
from shared.gateway.cost import price_named
from shared.gateway.forecast import GENERATING
from shared.policy.model import CountRule
from shared.runtime import Runtime

HEADER = "x-gateway-downshift"


async def downshifted(call: Call, runtime: Runtime) -> str | None:
    """Return the alias that a reached threshold sends this call to; None where it stays as it was asked for."""
    policy = call.caller.policy
    if not policy.counts_money or call.endpoint.meter not in GENERATING or call.model is None:
        return None
    # The nearest level decides.
    for rule in policy.counts:
        if rule.budget is None:
            continue
        alias = await _asked_for(rule, runtime)
        if (
            alias is not None
            and alias != call.model
            and runtime.router.knows(alias)
            and _is_cheaper(alias, call.model, runtime)
        ):
            return alias
    return None


async def _asked_for(rule: CountRule, runtime: Runtime) -> str | None:
    assert rule.budget is not None
    if all(threshold.action != "downshift" for threshold in rule.budget.thresholds):
        return None
    level = runtime.leases.level(rule.allowance)
    if level is None:
        try:
            level = await runtime.leases.look(rule.allowance)
        except StoreUnavailable:
            return None
    return runtime.budgets.consequence(rule.budget, level, runtime.clock.now()).downshift


def _is_cheaper(alias: str, asked: str, runtime: Runtime) -> bool:
    """Whether the alias costs less; where a price is missing, the operator's word is taken for it."""
    there, here = price_named(alias, runtime), price_named(asked, runtime)
    if there is None or here is None or there.output is None or here.output is None:
        return True
    return there.output < here.output
