"""What a call costs: foreseen in nano-units before it is made, exact once its usage is known."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from shared.catalog.model import LongPrompt, Price, Rates, Tier, Unpriced
from shared.catalog.rating import PROVISIONED, Served
from shared.gateway.call import Call
from shared.gateway.spending.forecast import Forecast, usage_of
from shared.money import Amount
from shared.providers.model import Deployment
from shared.runtime import Runtime
from shared.usage.model import NO_UNITS, Source, Usage
from shared.wire.openai.endpoints import Meter

_SPECIAL_IN_ORDER = (Tier.PRIORITY, Tier.FLEX)
_SPECIAL = frozenset(_SPECIAL_IN_ORDER)


_PAID_BY_THE_HOUR = Price.model_validate(
    {
        **dict.fromkeys(Rates.model_fields, "0"),
        **dict.fromkeys(("provider", "model", "source"), PROVISIONED),
        "effective_from": datetime.min.replace(tzinfo=UTC),
    }
)


def price_of(call: Call, runtime: Runtime) -> Price | None:
    """Return the price of what was served or, before that, the most that it may come to."""
    deployment = runtime.router.deployment(call.deployment) if call.deployment else None
    if deployment is None:
        return _ceiling(call, runtime)
    tier = call.seen.service_tier if call.seen.service_tier in _SPECIAL else None
    names = (call.seen.model, deployment.catalogued(call.model or ""), call.model)
    return _first_price(names, runtime, tier, deployment, call.started_at)


def price_named(alias: str, runtime: Runtime, tier: str | None = None) -> Price | None:
    """Return the price of what an alias stands for, the dearest where it stands for several deployments."""
    deployments: tuple[Deployment | None, ...] = (None,)
    if runtime.router.knows(alias):
        deployments = runtime.router.plan(alias, "", lambda: alias, None).deployments
    return _dearest_of(_price_at(item, alias, runtime, tier) for item in deployments)


def _ceiling(call: Call, runtime: Runtime) -> Price | None:
    """What the dearest deployment of the plan costs in the dearest tier that the call may be served in."""
    deployments = call.plan.deployments if call.plan else ()
    body = call.content.json or {}
    price = _dearest_of(
        _price_at(deployment, call.model, runtime, tier)
        for deployment in deployments or (None,)
        for tier in _tiers(body.get("service_tier"))
    )
    modalities = body.get("modalities")
    speaks = isinstance(body.get("audio"), dict) or (isinstance(modalities, list) and "audio" in modalities)
    return _spoken(price) if price and speaks and call.endpoint.meter is Meter.CHAT else price


def _price_at(deployment: Deployment | None, model: str | None, runtime: Runtime, tier: str | None) -> Price | None:
    """Return the price of a call that a deployment may come to serve; None: nobody knows yet which one will."""
    now = runtime.clock.now()
    if deployment is None:
        return _first_price((model,), runtime, tier, None, now)
    price = _first_price((deployment.catalogued(model or ""), model), runtime, tier, deployment, now)
    # What capacity that is paid by the hour cannot serve may spill over, and cost what it does elsewhere.
    return _PAID_BY_THE_HOUR if price is None and deployment.capacity == PROVISIONED else price


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
    longs = [price.long for price in prices if price.long is not None]
    rates: dict[str, object] = {**_highest(prices)}
    if longs:
        # Whichever of them a long prompt meets, it costs no more than this.
        over = min(long.over for long in longs)
        rates["long"] = LongPrompt.model_validate({**_highest((*prices, *longs)), "over": over})
    return prices[0].changed(rates)


def _highest(all_rates: Iterable[Rates]) -> dict[str, Amount]:
    highest: dict[str, Amount] = {}
    for rates in all_rates:
        for name, rate in rates.named().items():
            highest[name] = max(rate, highest.get(name, rate))
    return highest


@lru_cache(maxsize=500)
def _spoken(price: Price) -> Price:
    """What is said costs as audio, and nobody knows before how much of an answer is."""
    rates = [rate for rate in (price.output, price.audio_output) if rate is not None]
    return price.changed({"output": max(rates)}) if rates else price


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
    long = price.long.output if price.long else None
    rates = [rate for rate in (price.output, long) if rate is not None]
    rates = rates or [rate for rate in (price.audio_output, price.image_output) if rate is not None]
    return int(max(rates, default=Decimal(0)) * 1000) + 1


def exact_cost(call: Call, runtime: Runtime, usage: Usage) -> int | None:
    """Return what the call cost; None where that is not known yet, or has no price.

    It is what the ledger will charge. What has no price of its own there costs budgets what the same model costs in the default
    tier, in whatever region: a call does not become free because nobody has listed it.
    """
    if usage.source is Source.NONE:
        return 0
    if usage.source is Source.PENDING:
        return None
    deployment = runtime.router.deployment(call.deployment) if call.deployment else None
    cost = _rated(_served(call, deployment), runtime, usage) if deployment else None
    if cost is None:
        price = price_of(call, runtime)
        cost = _told(price.cost(usage)) if price else None
    return cost


def _served(call: Call, deployment: Deployment) -> Served:
    """By the prices of when the call began, as in the ledger: one may end while an answer is made."""
    seen = call.seen
    return Served(
        provider=deployment.provider,
        models=(seen.model, deployment.catalogued(call.model or ""), call.model),
        at=call.started_at,
        region=deployment.processing,
        tier=seen.service_tier,
        capacity="spillover" if seen.is_spillover else deployment.capacity,
    )


def _rated(served: Served, runtime: Runtime, usage: Usage) -> int | None:
    charge = runtime.prices.rate(served, usage)
    return None if isinstance(charge, Unpriced) else charge.cost


def late_cost(
    usage: Usage,
    model: str | None,
    aliases: Iterable[str],
    runtime: Runtime,
    tier: str | None,
    deployment: Deployment | None = None,
    at: datetime | None = None,
) -> int | None:
    """Return what work cost that no call waits for: by the model that it names, else by the dearest that was asked for.

    `at` is when it began (None: now). Where its deployment is known it is what the ledger will charge, as far as that has a price.
    """
    at = at or runtime.clock.now()
    if deployment is not None:
        region, capacity = deployment.processing, deployment.capacity
        served = Served(deployment.provider, (model,), at, region, tier, capacity)
        if (rated := _rated(served, runtime, usage)) is not None:
            return rated
    named = _first_price((model,), runtime, tier, deployment, at)
    price = named or _dearest_of(price_named(alias, runtime, tier) for alias in aliases)
    return _told(price.cost(usage)) if price else None


def _first_price(
    names: tuple[str | None, ...], runtime: Runtime, tier: str | None, deployment: Deployment | None, at: datetime
) -> Price | None:
    """Return the price of the first name that has one, if need be that of another tier, region or provider."""
    book = runtime.prices
    for name in filter(None, names):
        if deployment is not None:
            served = Served(deployment.provider, (name,), at, deployment.processing, tier)
            if price := book.price_of(served):
                return price
        if price := (tier and book.find(name, at, tier=tier)) or book.find(name, at):
            return price
    return None
