"""Leases on a bucket that refills all the time, kept as one number that only grows.

With F(t) = rate * t, the counter is raised to F before anything is borrowed, so that nothing unused accumulates, and may not pass
F + limit. What is borrowed ahead is the danger: the bucket refills while it lies here, and then both could be used at once. So no
more may lie here (or come back from calls) than the counter was ahead of F when it was borrowed. The rest is lost, as what flows
into a full bucket is. Then over any stretch of t seconds no more than limit + rate * t is used, by all instances together: take the
instance with the oldest borrowing here. What it has is at most what the counter was ahead then, what others have was counted since.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from shared.documents import PreconditionFailed, StoreUnavailable
from shared.leases.counter import CountedLease, Counter
from shared.leases.demand import Demand
from shared.leases.lease import FOREVER, NEVER, TRIES, Ports, Taken
from shared.leases.model import Allowance, Exhausted, Level, Smooth

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_EXACT_BELOW = 10_000
_MOST_PER_S = 10**9
_FIRST_SHARE = 50
_HOUR_S = 3600


class Pace:
    """F in whole parts of a unit. The parts are so small that F is whole every millisecond, unless the numbers grew too large."""

    def __init__(self, limit: int, seconds: int) -> None:
        rate = Fraction(min(limit, _MOST_PER_S * seconds), seconds * 1000)
        self.unit = rate.denominator if rate.numerator < _EXACT_BELOW else 1
        self.burst = limit * self.unit
        self._parts, self._per_ms = (rate * self.unit).as_integer_ratio()

    def refilled(self, now: datetime) -> int:
        """F, rounded up."""
        return -self._floor(-((now - _EPOCH) // _MILLISECOND))

    def ceiling(self, now: datetime) -> int:
        """F + limit, rounded down."""
        return self._floor((now - _EPOCH) // _MILLISECOND) + self.burst

    def seconds(self, parts: int) -> float:
        """How long it takes to refill so much."""
        return max(0.0, parts * self._per_ms / self._parts / 1000) if self._parts else 0.0

    def _floor(self, milliseconds: int) -> int:
        return milliseconds * self._parts // self._per_ms


class SmoothLease(CountedLease):
    """`_reach` is how far the counter was when the oldest of what lies here was borrowed, and all that was borrowed since.

    `_returnable` is what calls under way have of it; what they had reserved before has refilled long ago. A unit that returns can be
    used a second time, which the reach does not provide for: no more may return than `_slack`, the least by which what was here
    remained below what was allowed to be here.
    """

    def __init__(self, allowance: Allowance, limit: int, rule: Smooth, ports: Ports) -> None:
        id, ttl_s = f"smooth-{limit}-{rule.seconds}", 2 * rule.seconds + _HOUR_S
        pace = self._pace = Pace(limit, rule.seconds)
        counter = Counter(ports, allowance.name, id, ttl_s, lambda: pace.refilled(ports.clock.now()))
        super().__init__(allowance, id, FOREVER, counter, ports)
        self._unit = pace.unit
        self._demand = Demand(ports.clock, limit // _FIRST_SHARE)
        self._reach = NEVER
        self._returnable = 0
        self._slack = 0

    def fits(self, allowance: Allowance, now: datetime) -> bool:
        return allowance == self.allowance

    def take_now(self, allowance: Allowance, amount: int, now: datetime) -> Taken | None:
        if allowance.limit != self._limit or self.free < amount or self._waiting:
            return None
        self._let_go(self._pace.refilled(now))
        if self.free < amount:
            return None
        taken = self._draw(amount)
        if self.free < self._low:
            self._low = NEVER
            self._start_borrowing()
        return taken

    def settle(self, amount: int, actual: int, stamp: int) -> None:
        self.reserved -= amount
        if stamp == self.stamp:
            self._returnable -= amount
            self.free += self._returning(amount - actual) if actual < amount else amount - actual
        else:
            self.free += min(0, amount - actual)

    def extend(self, more: int) -> bool:
        self._let_go(self._pace.refilled(self._ports.clock.now()))
        self._returnable += more
        return super().extend(more)

    def level(self) -> Level:
        now = self._ports.clock.now()
        refilled = self._pace.refilled(now)
        self._let_go(refilled)
        ahead = max(0, self._granted - refilled)
        used = max(0, -(-ahead // self._unit) - self.free)
        return Level(used, max(0, self.free), self._limit, now + timedelta(seconds=self._pace.seconds(ahead)))

    async def tend(self) -> None:
        """Only debts are told: what lies here wears off by itself, and given back it could be used twice."""
        self._idle_s()
        self._let_go(self._pace.refilled(self._ports.clock.now()))
        if not self._is_borrowing:
            await self.close()

    async def close(self) -> None:
        with suppress(StoreUnavailable):
            await self._count_what_is_owed()

    def _draw(self, amount: int) -> Taken:
        self._returnable += amount
        return super()._draw(amount)

    def _returning(self, rest: int) -> int:
        self._let_go(self._pace.refilled(self._ports.clock.now()))
        returning = min(rest, self._slack)
        self._slack -= returning
        return returning

    def _let_go(self, refilled: int) -> None:
        """Lose what the bucket has meanwhile refilled."""
        slack = max(0, (self._reach - refilled) // self._unit) - self.free
        if slack < 0:
            self.free += slack
            slack = 0
        if slack < self._slack:
            self._slack = slack

    async def _borrow(self) -> None:
        if not self.is_known:
            await self.look()
        for _ in range(TRIES):
            now = self._ports.clock.now()
            start, ceiling = self._start(now), self._pace.ceiling(now)
            ask = self._ask((ceiling - start) // self._unit)
            if ask <= 0:
                return
            end = start + ask * self._unit
            try:
                # A counter behind F must not have moved meanwhile: it would be raised twice, at the callers' cost.
                self._granted = await self._counter.add(end - self._granted, end if start > self._granted else ceiling)
            except PreconditionFailed:
                await self.look()
            else:
                self._borrowed(ask)
                if self._needed() <= 0:
                    return

    def _start(self, now: datetime) -> int:
        """Where the counter, which never goes back, is at least, once it was raised."""
        refilled = self._pace.refilled(now)
        self._let_go(refilled)
        return max(self._granted, refilled)

    def _ask(self, left: int) -> int:
        chunk = self._worthwhile(self._demand.chunk(left))
        return min(left, max(self._servable(self.free + max(0, left)) - self.free, chunk))

    def _borrowed(self, amount: int) -> None:
        now = self._ports.clock.now()
        refilled = self._pace.refilled(now)
        self._let_go(refilled)
        if self._reach <= refilled or (self.free <= 0 and not self._returnable):
            self.stamp += 1
            self._returnable, self._reach, self._slack = 0, self._granted, -NEVER
        elif not self._returnable:
            # No call is under way: nothing of what lay here can come back beside what was just borrowed.
            self.stamp += 1
            self._reach, self._slack = min(self._granted, self._reach + amount * self._unit), -NEVER
        else:
            self._reach += amount * self._unit
        self.free += amount
        left = (self._pace.ceiling(now) - self._granted) // self._unit
        self._demand.borrowed(left)
        self._low = self._worthwhile(self._demand.chunk(left)) // 3 or NEVER

    def _refusal(self, amount: int) -> Exhausted | None:
        refusal = self._exhausted(amount)
        return refusal if self.is_known and amount > refusal.remaining else None

    def _exhausted(self, amount: int) -> Exhausted:
        now = self._ports.clock.now()
        start, ceiling = self._start(now), self._pace.ceiling(now)
        remaining = max(0, (ceiling - start) // self._unit + self.free)
        return Exhausted(
            self.allowance, remaining, self._pace.seconds(start + (amount - self.free) * self._unit - ceiling)
        )
