"""Reserves what a call will use of each thing that is counted: from memory where this instance holds enough, else from the store."""

from dataclasses import dataclass

from shared.budgets.model import Consequence
from shared.catalog.model import Price
from shared.documents import StoreUnavailable
from shared.gateway.call import Call
from shared.gateway.spending.cost import foreseen_cost, nano_per_output_token, price_of
from shared.gateway.spending.forecast import TOKENISED, Forecast, forecast
from shared.gateway.spending.provisions import Work
from shared.gateway.spending.refusals import LimitsUnavailable, ModelUnpriced, refusal_of
from shared.leases.model import Allowance, Exhausted, Level
from shared.policy.model import PLACES, CountRule, Origin
from shared.runtime import Runtime
from shared.windows import CalendarPeriod, FixedWindow
from shared.wire.openai.endpoints import Endpoint, Kind, Meter

TIGHT, UNSEEN = 20, 5
"""Where less than TIGHT such calls are left, the prompt's tokens are counted instead of bounded.

A limit that nobody has looked at yet counts as a fifth: very many may come before the first of them has reserved.
"""

MOST_RESERVED = 10**15
"""Units that one call reserves at most: a million of money, and far from what a counter can hold."""

_SHARES = 1_000
_MINUTE = FixedWindow(60)
_SESSIONS = frozenset({"realtime.client_secrets", "realtime.calls"})


@dataclass(frozen=True, slots=True)
class _Weighed:
    """What a call is expected to use, and what that costs; None where it has no price."""

    foreseen: Forecast
    tokens: int
    cost: int | None
    is_batch: bool = False


class _TooLittle(Exception):
    """An attempt ended at this rule. The next may ask for less: what is exact is less than its bound, a guess can be cut."""

    def __init__(self, rule: CountRule, exhausted: Exhausted, needed: int) -> None:
        super().__init__(rule.label)
        self.rule, self.exhausted, self.needed = rule, exhausted, needed


async def reserve_place(call: Call, runtime: Runtime) -> None:
    """Count the call itself. Raises the refusal of the first limit that has no room."""
    take_now, taken = runtime.leases.take_now, call.reservation.taken
    for rule in call.caller.policy.counts:
        if rule.unit in PLACES:
            if here := take_now(rule.allowance, 1):
                taken.append((rule, here))
            else:
                await _take_one(call, runtime, rule)


async def reserve_use(call: Call, runtime: Runtime, foreseen: Forecast) -> None:
    """Reserve tokens and money. Raises the refusal of the first limit that has not enough left."""
    policy = call.caller.policy
    if not (policy.counts_tokens or policy.counts_money):
        return
    use = _Use(call, runtime, foreseen)
    if use.is_countable and _is_tight(call, runtime, use.weighed):
        await use.count()
    while True:
        try:
            await use.reserve()
        except _TooLittle as short:
            use.give_back()
            if use.is_countable:
                await use.count()
            elif not use.cut(short):
                _note_refusal(runtime, short.rule, short.exhausted)
                raise refusal_of(short.rule, short.exhausted, use.least(short.rule)) from None
        else:
            return


class _Use:
    """The attempts to reserve what one call will use; every attempt reserves the same on all levels, or nothing."""

    def __init__(self, call: Call, runtime: Runtime, foreseen: Forecast) -> None:
        self._call, self._runtime = call, runtime
        self._price: Price | None = price_of(call, runtime) if call.caller.policy.counts_money else None
        self._is_batch = call.endpoint.creates is Kind.BATCH
        self._cuts = 3
        self._forecast = foreseen
        self._places = len(call.reservation.taken)
        self.weighed = self._weigh(foreseen)

    @property
    def is_countable(self) -> bool:
        return self._call.endpoint.meter in TOKENISED and not self.weighed.foreseen.is_exact

    async def count(self) -> None:
        self._forecast = await forecast(self._call, self._runtime, exactly=True)
        self.weighed = self._weigh(self._forecast)

    def least(self, rule: CountRule) -> int:
        """What there must be left for the call to go."""
        return self.amount(rule, self._least())

    def amount(self, rule: CountRule, weighed: _Weighed) -> int:
        return _amount(self._call, rule, weighed)

    def cut(self, short: _TooLittle) -> bool:
        """Make do with what is left, where that covers what is known of the call and a part of what is guessed."""
        if self._cuts == 0:
            return False
        self._cuts -= 1
        smaller = self._weigh(self.weighed.foreseen.part(self._share(short), _SHARES))
        if not self.least(short.rule) <= self.amount(short.rule, smaller) <= short.exhausted.remaining:
            return False
        self.weighed = smaller
        return True

    def _share(self, short: _TooLittle) -> int:
        """Return for which share of the guess there is room."""
        known = self.amount(short.rule, self._weigh(self.weighed.foreseen.part(0, _SHARES)))
        guess = short.needed - known
        return _SHARES * max(0, short.exhausted.remaining - known) // guess if guess > 0 else 0

    def _least(self) -> _Weighed:
        return self._weigh(self._forecast.least())

    def give_back(self) -> None:
        taken = self._call.reservation.taken
        for _, each in taken[self._places :]:
            each.release()
        del taken[self._places :]

    async def reserve(self) -> None:
        """Raises _TooLittle, ModelUnpriced and LimitsUnavailable."""
        call, runtime, weighed = self._call, self._runtime, self.weighed
        reservation = call.reservation
        reservation.output, reservation.output_nano = weighed.foreseen.output, nano_per_output_token(self._price)
        take_now, taken = runtime.leases.take_now, reservation.taken
        for rule in call.caller.policy.counts:
            if rule.unit in PLACES:
                continue
            if needed := _amount(call, rule, weighed):
                if here := take_now(rule.allowance, needed):
                    taken.append((rule, here))
                else:
                    await self._take(rule, needed)
            if rule.has_consequences:
                await _throttle(call, runtime, rule)

    async def _take(self, rule: CountRule, needed: int) -> None:
        try:
            await _take(self._call, self._runtime, rule, needed)
        except Exhausted as exhausted:
            if rule.origin.is_enforced or self.is_countable:
                raise _TooLittle(rule, exhausted, needed) from None
            # An enforced rule would make do with less.
            if self.least(rule) > exhausted.remaining:
                _note_refusal(self._runtime, rule, exhausted)
                self._call.shadow.append(f"{rule.origin.source}: {rule.label}")

    def _weigh(self, foreseen: Forecast) -> _Weighed:
        if self._is_batch:
            work = Work(self._call.batch_work)
            foreseen, cost = Forecast(work.tokens, 0, is_exact=True), work.cost(self._runtime)
        else:
            cost = foreseen_cost(self._price, foreseen, self._call.endpoint.meter)
        cost = None if cost is None else min(cost, MOST_RESERVED)
        return _Weighed(foreseen, min(foreseen.tokens, MOST_RESERVED), cost, self._is_batch)


async def _take(call: Call, runtime: Runtime, rule: CountRule, needed: int) -> None:
    """Draw what memory does not hold. Raises Exhausted and LimitsUnavailable."""
    try:
        taken = await runtime.leases.take(rule.allowance, needed)
    except StoreUnavailable as error:
        # A rule that refuses nothing must not refuse because it cannot be asked.
        if rule.origin.is_enforced and rule.allowance.limit is not None:
            raise LimitsUnavailable from error
    else:
        call.reservation.taken.append((rule, taken))


async def _take_one(call: Call, runtime: Runtime, rule: CountRule) -> None:
    try:
        await _take(call, runtime, rule, 1)
    except Exhausted as exhausted:
        if rule.origin.is_enforced:
            raise refusal_of(rule, exhausted, 1) from None
        call.shadow.append(f"{rule.origin.source}: {rule.label}")


def _is_tight(call: Call, runtime: Runtime, weighed: _Weighed) -> bool:
    """Whether bounding the prompt from above could refuse a call that there is room for."""
    tokens, cost = weighed.tokens, weighed.cost or 0
    for rule in call.caller.policy.counts:
        limit = rule.allowance.limit
        if limit is None or rule.unit in PLACES:
            continue
        level = runtime.leases.level(rule.allowance)
        left = limit // UNSEEN if level is None else _left(limit, level)
        if left < TIGHT * (tokens if rule.unit == "tokens" else cost):
            return True
    return False


def _left(limit: int, level: Level) -> int:
    """What is neither used nor reserved. What this instance has leased for calls to come is left out too: it is a quarter at most."""
    return limit - level.used - level.leased


def _amount(call: Call, rule: CountRule, weighed: _Weighed) -> int:
    """Return the units to reserve. Raises ModelUnpriced where an enforced budget would have to guess."""
    if rule.unit == "tokens":
        # A batch uses its tokens in its own time, so that only quotas hold it.
        is_later = weighed.is_batch and not isinstance(rule.allowance.rule, CalendarPeriod)
        return 0 if is_later else weighed.tokens
    if weighed.cost:
        return weighed.cost
    if weighed.cost is None:
        if rule.origin.is_enforced and rule.allowance.limit is not None:
            raise ModelUnpriced(call.model or call.endpoint.name, rule)
        return 0
    return int(begins_work(call.endpoint))


def begins_work(endpoint: Endpoint) -> bool:
    """Whether something is begun that costs money later: that is not for a budget with nothing left."""
    is_begun = endpoint.creates is not None or endpoint.name.endswith(".create") or endpoint.name in _SESSIONS
    return endpoint.meter is Meter.REQUEST and is_begun


def _note_refusal(runtime: Runtime, rule: CountRule, exhausted: Exhausted) -> None:
    """A budget counts as used up when it refuses because little is left, not because one call asks for very much."""
    if 10 * exhausted.remaining > (rule.allowance.limit or 0):
        return
    level = runtime.leases.level(rule.allowance)
    if rule.budget is not None and level is not None:
        runtime.budgets.notice_refusal(rule.budget, rule.team, level)


async def _throttle(call: Call, runtime: Runtime, rule: CountRule) -> None:
    level = runtime.leases.level(rule.allowance)
    if rule.budget is None or level is None:
        return
    consequence = runtime.budgets.consequence(rule.budget, level, runtime.clock.now())
    if consequence.shadow is not None and consequence.shadow.is_blocked:
        call.shadow.append(f"{rule.origin.source}: {rule.label}")
    throttle = throttle_of(rule, consequence)
    if throttle is not None:
        await _take_one(call, runtime, throttle)


def throttle_of(rule: CountRule, consequence: Consequence) -> CountRule | None:
    """A budget that has reached a throttling threshold allows so many requests per minute from then on."""
    rate = consequence.requests_per_minute
    if rate is None:
        return None
    allowance = Allowance(f"{rule.allowance.name}:throttle", rate, _MINUTE)
    label = f"throttle to {rate} requests per minute, as the {rule.label} runs out,"
    return CountRule(Origin(rule.origin.scope, rule.origin.source), "requests", allowance, label)
