"""Leases on counters per fixed window: chunks come and go by one conditional increment, and end with the window."""

from contextlib import suppress
from datetime import datetime

from shared.documents import DocumentMissing, PreconditionFailed, StoreUnavailable
from shared.leases.counter import CountedLease, Counter
from shared.leases.demand import Demand
from shared.leases.lease import NEVER, TRIES, Ports, Taken
from shared.leases.model import Allowance, Exhausted, Level, Smooth
from shared.windows import Window

IDLE_S = 2.0
RECHECK_S = 0.25
_FIRST_SHARE = 50
_HOUR_S = 3600


SOON_S = 2.0
"""When to come back for what calls under way have reserved."""


class WindowLease(CountedLease):
    """What is free when the window ends is forgotten; what is idle before goes back, so that others can use it."""

    def __init__(self, allowance: Allowance, window: Window, ports: Ports) -> None:
        ttl_s = int((window.end - window.start).total_seconds()) + _HOUR_S
        counter = Counter(ports, allowance.name, window.id, ttl_s)
        super().__init__(allowance, window.id, window.end, counter, ports)
        self._demand = Demand(ports.clock, (allowance.limit or 0) // _FIRST_SHARE)
        self._returning = 0
        self._refused_left = 0
        self._refused_until = 0.0

    def fits(self, allowance: Allowance, now: datetime) -> bool:
        is_bucket = isinstance(allowance.rule, Smooth) and allowance.limit is not None
        return super().fits(allowance, now) and not is_bucket

    def take_now(self, allowance: Allowance, amount: int, now: datetime) -> Taken | None:
        free = self.free - amount
        if allowance.limit != self._limit or free < self._floor or now >= self.end or self._waiting:
            return None
        self.free = free
        self.reserved += amount
        self._is_drawn = True
        if free < self._low:
            self._low = NEVER
            self._start_borrowing()
        return Taken(self, amount)

    def settle(self, amount: int, actual: int, stamp: int) -> None:
        self.reserved -= amount
        self.free += amount - actual

    def change(self, allowance: Allowance) -> None:
        super().change(allowance)
        self._refused_until = 0.0
        if self._limit is not None:
            cut = min(max(0, self.free), max(0, self._granted - self._limit))
            self.free -= cut
            self._returning += cut

    def level(self) -> Level:
        used = self._granted - self.free - self._returning
        return Level(max(0, used), max(0, self.free) + self._returning, self._limit, self.end)

    async def tend(self) -> None:
        is_idle = self._idle_s() >= IDLE_S
        if not self._is_borrowing:
            await self._return(all_of_it=is_idle or self._limit is None)

    async def close(self) -> None:
        await self._return(all_of_it=True)

    def is_at_rest(self) -> bool:
        is_over = self.is_over(self._ports.clock.now()) and not (self._waiting or self._is_borrowing)
        return is_over or (super().is_at_rest() and not self._returning)

    async def _borrow(self) -> None:
        if self._limit is None:
            await self.look()
            return
        is_fresh = False
        for _ in range(TRIES):
            left = self._limit - self._granted
            if not is_fresh and left < self._needed():
                await self.look()
                is_fresh, left = True, self._limit - self._granted
            ask = self._ask(left)
            if ask <= 0:
                break
            try:
                self._granted = await self._counter.add(ask, self._limit)
            except PreconditionFailed:
                await self.look()
                is_fresh = True
            else:
                self._borrowed(ask)
                break
        if is_fresh:
            self._refused_left = self._limit - self._granted
            self._refused_until = self._ports.clock.monotonic() + RECHECK_S
            await self._give_back_what_serves_nobody()

    async def _give_back_what_serves_nobody(self) -> None:
        """It is too little for any of those who wait, but others may have the other half."""
        if self._waiting and not self._servable(self.free + max(0, self._refused_left)):
            self._refused_left += max(0, self.free)
            self._lay_aside()
            with suppress(StoreUnavailable):
                await self._give_back()

    def _ask(self, left: int) -> int:
        """The need of those who wait and a chunk or, where that is too much, exactly what they can use."""
        need = self._servable(self.free + max(0, left)) - self.free
        return min(left, max(need, self._worthwhile(self._demand.chunk(left))))

    def _borrowed(self, amount: int) -> None:
        left = (self._limit or 0) - self._granted
        self.free += amount
        self._learned()
        self._demand.borrowed(left)
        self._low = self._worthwhile(self._demand.chunk(left)) // 3 or NEVER

    async def _return(self, *, all_of_it: bool) -> None:
        if self.is_over(self._ports.clock.now()):
            return
        with suppress(StoreUnavailable):
            await self._count_what_is_owed()
            if all_of_it:
                self._lay_aside()
            await self._give_back()

    def _lay_aside(self) -> None:
        self._returning += max(0, self.free)
        self.free = min(0, self.free)
        self._low = NEVER

    async def _give_back(self) -> None:
        """Unlike a debt it is forgone where the answer is lost: given back twice, it would be used twice."""
        amount, self._returning = self._returning, 0
        if amount:
            with suppress(DocumentMissing):
                self._granted = await self._counter.add(-amount)
                self._ports.tell("returned")

    def _refusal(self, amount: int) -> Exhausted | None:
        if self._ports.clock.monotonic() < self._refused_until and amount > self.free + self._refused_left:
            return self._exhausted(amount)
        if self._limit is not None and amount > self._limit:
            return self._exhausted(amount)
        return None

    def _exhausted(self, amount: int) -> Exhausted:
        remaining = max(0, (self._limit or 0) - self._granted + self.free)
        seconds = (self.end - self._ports.clock.now()).total_seconds()
        if amount <= remaining + self.reserved:
            # Calls under way mostly use less than they have reserved.
            seconds = min(seconds, SOON_S)
        return Exhausted(self.allowance, remaining, max(0.0, seconds))
