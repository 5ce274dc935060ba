"""What a call costs: foreseen in nano-units before it is made, exact once its usage is known."""

from shared.catalog.model import Price, Tier, Unpriced
from shared.gateway.call import Call
from shared.gateway.forecast import Forecast, usage_of
from shared.providers.model import Deployment
from shared.runtime import Runtime
from shared.usage.model import Source, Usage
from shared.wire.openai.endpoints import Meter

_SPECIAL = frozenset({Tier.PRIORITY, Tier.FLEX})


def price_of(call: Call, runtime: Runtime) -> Price | None:
    """Return the price of what was served or, before that, of what the first deployment of the plan would serve."""
    deployment = runtime.router.deployment(call.deployment) if call.deployment else None
    if deployment is None and call.plan is not None and call.plan.deployments:
        deployment = call.plan.deployments[0]
    tier = call.seen.service_tier
    names = (call.seen.model, _catalogued(deployment, call.model), call.model)
    return _first_price(names, runtime, tier if tier in _SPECIAL else None)


def price_named(alias: str, runtime: Runtime) -> Price | None:
    """Return the price of what an alias stands for."""
    plan = runtime.router.plan(alias, "", lambda: alias, None)
    return _first_price((_catalogued(plan.deployments[0], alias), alias), runtime, None)


def foreseen_cost(price: Price | None, foreseen: Forecast, meter: Meter) -> int | None:
    """Return what to reserve; None where it cannot be told."""
    if meter is Meter.REQUEST:
        return 0
    cost = price.cost(usage_of(foreseen, meter)) if price else None
    return None if isinstance(cost, Unpriced) else cost


def nano_per_output_token(price: Price | None) -> int:
    return int((price.output or 0) * 1000) + 1 if price else 0


def exact_cost(call: Call, runtime: Runtime, usage: Usage) -> int | None:
    """Return what the call cost; None where that is not known yet, or has no price."""
    if usage.source is Source.NONE:
        return 0
    if usage.source is Source.PENDING:
        return None
    price = price_of(call, runtime)
    cost = price.cost(usage) if price else None
    return None if isinstance(cost, Unpriced) else cost


def cost_of(usage: Usage, model: str | None, runtime: Runtime) -> int | None:
    """Return what work cost that no call waits for."""
    price = runtime.prices.find(model, runtime.clock.now()) if model else None
    cost = price.cost(usage) if price else None
    return None if isinstance(cost, Unpriced) else cost


def _catalogued(deployment: Deployment | None, model: str | None) -> str | None:
    """The catalogue's name of the model behind a deployment."""
    if deployment is None:
        return None
    return deployment.model or deployment.name_for(model or "")


def _first_price(names: tuple[str | None, ...], runtime: Runtime, tier: str | None) -> Price | None:
    now = runtime.clock.now()
    for name in names:
        if name and (price := (tier and runtime.prices.find(name, now, tier=tier)) or runtime.prices.find(name, now)):
            return price
    return None
