"""Sends a call to a cheaper alias where a budget that runs out asks for it, and says so in the answer."""

from shared.documents import StoreUnavailable
from shared.gateway.call import Call
from shared.gateway.spending.cost import price_named
from shared.gateway.spending.forecast import GENERATING
from shared.policy.model import CountRule, EffectivePolicy
from shared.runtime import Runtime

HEADER = "x-gateway-downshift"


async def downshifted(call: Call, runtime: Runtime) -> str | None:
    """Return the alias that a reached threshold sends this call to; None where it stays as it was asked for."""
    policy = call.caller.policy
    if not policy.downshifting or call.endpoint.meter not in GENERATING or call.model is None:
        return None
    # The nearest level decides.
    for rule in policy.downshifting:
        alias = await _alias_of(rule, runtime)
        if alias is not None and is_fit(alias, call.model, policy, runtime):
            return alias
    return None


async def _alias_of(rule: CountRule, runtime: Runtime) -> str | None:
    """Return the alias that a budget sends calls to now."""
    assert rule.budget is not None
    level = runtime.leases.level(rule.allowance)
    if level is None:
        try:
            level = await runtime.leases.look(rule.allowance)
        except StoreUnavailable:
            return None
    return runtime.budgets.consequence(rule.budget, level, runtime.clock.now()).downshift


def is_fit(alias: str, asked: str, policy: EffectivePolicy, runtime: Runtime) -> bool:
    """Whether the alias is there, may be used by this caller, and surely costs less than what was asked for."""
    if alias == asked or not runtime.router.knows(alias) or not policy.admits("models", alias):
        return False
    there, here = price_named(alias, runtime), price_named(asked, runtime)
    if there is None or here is None or there.output is None or here.output is None:
        return False
    return there.output < here.output
