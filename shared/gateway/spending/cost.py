"""What a call costs: foreseen in nano-units before it is made, exact once its usage is known."""

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache

from shared.catalog.model import Price, Tier, Unpriced
from shared.gateway.call import Call
from shared.gateway.spending.forecast import Forecast, usage_of
from shared.money import Amount
from shared.providers.model import Deployment
from shared.runtime import Runtime
from shared.usage.model import NO_UNITS, Source, Usage
from shared.wire.openai.endpoints import Meter

_SPECIAL_IN_ORDER = (Tier.PRIORITY, Tier.FLEX)
_SPECIAL = frozenset(_SPECIAL_IN_ORDER)


def price_of(call: Call, runtime: Runtime) -> Price | None:
    """Return the price of what was served or, before that, the most that it may come to."""
    deployment = runtime.router.deployment(call.deployment) if call.deployment else None
    if deployment is None:
        return _ceiling(call, runtime)
    tier = call.seen.service_tier
    names = (call.seen.model, _catalogued(deployment, call.model), call.model)
    return _first_price(names, runtime, tier if tier in _SPECIAL else None)


def price_named(alias: str, runtime: Runtime, tier: str | None = None) -> Price | None:
    """Return the price of what an alias stands for, the dearest where it stands for several deployments."""
    deployments: tuple[Deployment | None, ...] = (None,)
    if runtime.router.knows(alias):
        deployments = runtime.router.plan(alias, "", lambda: alias, None).deployments
    return _dearest_of(_first_price((_catalogued(item, alias), alias), runtime, tier) for item in deployments)


def _ceiling(call: Call, runtime: Runtime) -> Price | None:
    """What the dearest deployment of the plan costs in the dearest tier that the call may be served in."""
    deployments = call.plan.deployments if call.plan else ()
    body = call.content.json or {}
    price = _dearest_of(
        _first_price((_catalogued(deployment, call.model), call.model), runtime, tier)
        for deployment in deployments or (None,)
        for tier in _tiers(body.get("service_tier"))
    )
    modalities = body.get("modalities")
    speaks = isinstance(body.get("audio"), dict) or (isinstance(modalities, list) and "audio" in modalities)
    return _spoken(price) if price and speaks and call.endpoint.meter is Meter.CHAT else price


def _tiers(asked: object) -> tuple[str | None, ...]:
    """The tiers that a call may be served in. What the upstream is free to choose, it may choose to be dear."""
    if asked in (None, Tier.DEFAULT):
        return (None,)
    return (None, str(asked)) if asked in _SPECIAL_IN_ORDER else (None, *_SPECIAL_IN_ORDER)


def _dearest_of(prices: Iterable[Price | None]) -> Price | None:
    """Return one price that has the highest of each rate. What has no price among others counts as the others do."""
    distinct = tuple({id(price): price for price in prices if price is not None}.values())
    return _merged(distinct) if len(distinct) > 1 else next(iter(distinct), None)


@lru_cache(maxsize=500)
def _merged(prices: tuple[Price, ...]) -> Price:
    rates: dict[str, Amount] = {}
    for price in prices:
        for name, rate in price.named().items():
            rates[name] = max(rate, rates.get(name, rate))
    return Price.model_validate({**dict(prices[0]), **rates})


@lru_cache(maxsize=500)
def _spoken(price: Price) -> Price:
    """What is said costs as audio, and nobody knows before how much of an answer is."""
    rates = [rate for rate in (price.output, price.audio_output) if rate is not None]
    return Price.model_validate({**dict(price), "output": max(rates)}) if rates else price


def foreseen_cost(price: Price | None, foreseen: Forecast, meter: Meter) -> int | None:
    """Return what to reserve; None where it cannot be told."""
    if meter is Meter.REQUEST:
        return 0
    if price is None:
        return None
    usage = usage_of(foreseen, meter)
    if usage.units is NO_UNITS:
        return _told(price.cost(usage))
    # Tokens or units are billed, never both; which, only the answer says.
    costs = _told(price.cost(Usage(usage.tokens))), _told(price.cost(Usage(units=usage.units)))
    return max((cost for cost in costs if cost is not None), default=None)


def _told(cost: int | Unpriced) -> int | None:
    return None if isinstance(cost, Unpriced) else cost


def nano_per_output_token(price: Price | None) -> int:
    if price is None:
        return 0
    rate = price.output
    if rate is None:
        rate = max((each for each in (price.audio_output, price.image_output) if each is not None), default=Decimal(0))
    return int(rate * 1000) + 1


def exact_cost(call: Call, runtime: Runtime, usage: Usage) -> int | None:
    """Return what the call cost; None where that is not known yet, or has no price."""
    if usage.source is Source.NONE:
        return 0
    if usage.source is Source.PENDING:
        return None
    price = price_of(call, runtime)
    cost = price.cost(usage) if price else None
    return None if isinstance(cost, Unpriced) else cost


def late_cost(
    usage: Usage, model: str | None, aliases: Iterable[str], runtime: Runtime, tier: str | None
) -> int | None:
    """Return what work cost that no call waits for: by the model that it names, else by the dearest that was asked for."""
    named = _first_price((model,), runtime, tier)
    price = named or _dearest_of(price_named(alias, runtime, tier) for alias in aliases)
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
