"""Reserves what a call will use of each thing that is counted: from memory where this instance holds enough, else from the store."""

from shared.documents import StoreUnavailable
from shared.gateway.call import Call
from shared.gateway.cost import foreseen_cost, nano_per_output_token, price_of
from shared.gateway.forecast import TOKENISED, Forecast, forecast
from shared.gateway.provisions import Work
from shared.gateway.refusals import LimitsUnavailable, ModelUnpriced, refusal_of
from shared.leases.model import Allowance, Exhausted
from shared.policy.model import CountRule, Origin
from shared.runtime import Runtime
from shared.windows import CalendarPeriod, FixedWindow
from shared.wire.openai.endpoints import Endpoint, Kind, Meter

TIGHT = 20
"""Where less than this many such calls are left, the prompt's tokens are counted instead of guessed."""

_MINUTE = FixedWindow(60)
_SESSIONS = frozenset({"realtime.client_secrets", "realtime.calls"})


async def reserve_all(call: Call, runtime: Runtime, foreseen: Forecast) -> None:
    """Reserve on every level, or nothing at all. Raises the refusal of the first limit that has not enough left."""
    price = price_of(call, runtime) if call.caller.policy.counts_money else None
    cost = foreseen_cost(price, foreseen, call.endpoint.meter)
    if call.endpoint.creates is Kind.BATCH:
        work = Work(call.batch_work)
        foreseen, cost = Forecast(work.tokens, 0, is_exact=True), work.cost(runtime)
    if call.endpoint.meter in TOKENISED and not foreseen.is_exact and _is_tight(call, runtime, foreseen.tokens, cost):
        foreseen = await forecast(call, runtime, exactly=True)
        cost = foreseen_cost(price, foreseen, call.endpoint.meter)
    reservation = call.reservation
    reservation.output, reservation.output_nano = foreseen.output, nano_per_output_token(price)
    reservation.tokens, reservation.money = foreseen.tokens, cost or 0
    try:
        for rule in call.caller.policy.counts:
            await _reserve(call, runtime, rule, _amount(call, rule, foreseen.tokens, cost))
            if rule.budget is not None:
                await _throttle(call, runtime, rule)
    except BaseException:
        reservation.release()
        raise


def _is_tight(call: Call, runtime: Runtime, tokens: int, cost: int | None) -> bool:
    """Whether guessing too much could refuse a call that there is room for."""
    for rule in call.caller.policy.counts:
        needed = {"tokens": tokens, "money": cost or 0}.get(rule.unit, 0)
        level = runtime.leases.level(rule.allowance) if needed else None
        limit = rule.allowance.limit
        if needed and limit is not None and (limit if level is None else limit - level.used) < TIGHT * needed:
            return True
    return False


def _amount(call: Call, rule: CountRule, tokens: int, cost: int | None) -> int:
    """Return the units to reserve. Raises ModelUnpriced where an enforced budget would have to guess."""
    if rule.unit in ("requests", "calls"):
        return 1
    if rule.unit == "tokens":
        # A batch uses its tokens in its own time, so that only quotas hold it.
        is_later = call.endpoint.creates is Kind.BATCH and not isinstance(rule.allowance.rule, CalendarPeriod)
        return 0 if is_later else tokens
    if cost is None:
        if rule.origin.is_enforced and rule.allowance.limit is not None:
            raise ModelUnpriced(call.model or call.endpoint.name, rule)
        return 0
    return cost or int(_begins_work(call.endpoint))


def _begins_work(endpoint: Endpoint) -> bool:
    """Whether something is begun that costs money later: that is not for a budget with nothing left."""
    is_begun = endpoint.creates is not None or endpoint.name.endswith(".create") or endpoint.name in _SESSIONS
    return endpoint.meter is Meter.REQUEST and is_begun


async def _reserve(call: Call, runtime: Runtime, rule: CountRule, needed: int) -> None:
    if needed == 0:
        return
    try:
        taken = runtime.leases.take_now(rule.allowance, needed) or await runtime.leases.take(rule.allowance, needed)
    except Exhausted as exhausted:
        _note_refusal(runtime, rule, exhausted)
        if rule.origin.is_enforced:
            raise refusal_of(rule, exhausted, needed) from None
        call.shadow.append(f"{rule.origin.source}: {rule.label}")
    except StoreUnavailable as error:
        # A rule that refuses nothing must not refuse because it cannot be asked.
        if rule.origin.is_enforced and rule.allowance.limit is not None:
            raise LimitsUnavailable from error
    else:
        call.reservation.taken.append((rule, taken))


def _note_refusal(runtime: Runtime, rule: CountRule, exhausted: Exhausted) -> None:
    """A budget counts as used up when it refuses because little is left, not because one call asks for very much."""
    if 10 * exhausted.remaining > (rule.allowance.limit or 0):
        return
    level = runtime.leases.level(rule.allowance)
    if rule.budget is not None and level is not None:
        runtime.budgets.notice_refusal(rule.budget, rule.team, level)


async def _throttle(call: Call, runtime: Runtime, rule: CountRule) -> None:
    """A budget that has reached a throttling threshold allows so many requests per minute from then on."""
    level = runtime.leases.level(rule.allowance)
    if rule.budget is None or level is None:
        return
    consequence = runtime.budgets.consequence(rule.budget, level, runtime.clock.now())
    if consequence.shadow is not None and consequence.shadow.is_blocked:
        call.shadow.append(f"{rule.origin.source}: {rule.label}")
    rate = consequence.requests_per_minute
    if rate is None:
        return
    allowance = Allowance(f"{rule.allowance.name}:throttle", rate, _MINUTE)
    label = f"throttle to {rate} requests per minute, as the {rule.label} runs out,"
    await _reserve(
        call, runtime, CountRule(Origin(rule.origin.scope, rule.origin.source), "requests", allowance, label), 1
    )
