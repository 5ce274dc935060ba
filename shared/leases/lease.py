"""What one instance holds of one allowance in one window: spent in memory, refilled by one borrowing at a time."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.clock import Clock
from shared.documents import DocumentStore, StoreUnavailable
from shared.leases.model import Allowance, Exhausted, Level

CONTAINER = "counters"
TRIES = 12
NEVER = -(10**30)
FOREVER = datetime.max.replace(tzinfo=UTC)
REST_S = 60.0
"""After so long without a draw a lease that holds nothing is no longer looked after."""

type Spawn = Callable[[Coroutine[Any, Any, None]], None]


class Contended(StoreUnavailable):
    """The store answers, but others were faster again and again."""


class WindowOver(Exception):
    """The window ended while the caller waited; the next one may have room."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What leases work with. `instance` is this process's own name, which no other process ever had; `tell` hears of what goes back."""

    documents: DocumentStore
    clock: Clock
    instance: str
    spawn: Spawn
    tell: Callable[[str], None] = lambda result: None


class Taken:
    """A part of an allowance that a call has reserved. It is settled exactly once; later calls do nothing."""

    __slots__ = ("_is_open", "_lease", "_stamp", "amount")

    def __init__(self, lease: "Lease", amount: int) -> None:
        self.amount = amount
        self._lease = lease
        self._stamp = lease.stamp
        self._is_open = True

    def settle(self, actual: int) -> None:
        """Count what was really used. Less returns the rest; more counts too, even past the limit."""
        if self._is_open:
            self._is_open = False
            self._lease.settle(self.amount, actual, self._stamp)

    def extend(self, more: int) -> bool:
        """Reserve more. False where the local lease did not have it: it counts nevertheless, and the lease is refilled."""
        if not self._is_open:
            return False
        self.amount += more
        return self._lease.extend(more)

    def release(self) -> None:
        self.settle(0)

    def level(self) -> Level:
        """Return what is known of the window that this was taken from, which may be over."""
        return self._lease.level()


@dataclass(frozen=True, slots=True)
class _Waiter:
    amount: int
    future: asyncio.Future[Taken]


class Lease(ABC):
    """Waiting callers are served in their order; one borrowing covers the needs of all that wait.

    `free` is what may be drawn without asking; it is negative where calls used more than was there. `reserved` is with calls
    under way. `stamp` changes when what was reserved before can no longer return.
    """

    def __init__(self, allowance: Allowance, id: str, end: datetime, ports: Ports) -> None:
        self.allowance = allowance
        self.key = allowance.name, id
        self.free = 0
        self.reserved = 0
        self.stamp = 0
        self.is_known = False
        self._id = id
        self.end = end
        self._ports = ports
        self._limit = allowance.limit
        self._floor = 0
        self._low = NEVER
        self._typical = 0
        self._is_drawn = False
        self._drawn_at = ports.clock.monotonic()
        self._waiting: deque[_Waiter] = deque()
        self._is_borrowing = False

    @abstractmethod
    def take_now(self, allowance: Allowance, amount: int, now: datetime) -> Taken | None:
        """Draw from what is here."""

    @abstractmethod
    def settle(self, amount: int, actual: int, stamp: int) -> None:
        """Take back what a call had reserved, and count what it used."""

    @abstractmethod
    def level(self) -> Level:
        """Return what is known here."""

    @abstractmethod
    async def look(self) -> None:
        """Learn what the store knows. Raises StoreUnavailable."""

    @abstractmethod
    async def tend(self) -> None:
        """Report and give back what is due. Never raises: what fails is due again, or safely forgone."""

    @abstractmethod
    async def close(self) -> None:
        """Try once to report and give back everything."""

    @abstractmethod
    async def _borrow(self) -> None:
        """Get what the waiting callers need and more to go on with, as far as there is. Raises StoreUnavailable."""

    @abstractmethod
    def _refusal(self, amount: int) -> Exhausted | None:
        """Return the refusal, where it is known without asking that there is not enough."""

    @abstractmethod
    def _exhausted(self, amount: int) -> Exhausted:
        """Return the refusal after an unsuccessful borrowing."""

    def is_over(self, now: datetime) -> bool:
        return now >= self.end

    async def take(self, allowance: Allowance, amount: int) -> Taken:
        """Draw, borrowing if need be. Raises Exhausted, StoreUnavailable and WindowOver."""
        taken = self.take_now(allowance, amount, self._ports.clock.now())
        if taken is not None:
            return taken
        if refusal := self._refusal(amount):
            raise refusal
        self._typical = amount
        waiter = _Waiter(amount, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._start_borrowing()
        try:
            return await waiter.future
        except asyncio.CancelledError:
            if waiter.future.done() and not waiter.future.cancelled() and waiter.future.exception() is None:
                waiter.future.result().release()
            raise

    def extend(self, more: int) -> bool:
        had_it = self._usable() >= more
        self.free -= more
        self.reserved += more
        self._is_drawn = True
        if not had_it and self._limit is not None:
            self._start_borrowing()
        return had_it or self._limit is None

    def fits(self, allowance: Allowance, now: datetime) -> bool:
        is_same = self.allowance is allowance or self.allowance.rule == allowance.rule
        return is_same and not self.is_over(now)

    def follow(self, allowance: Allowance) -> None:
        if allowance.limit != self._limit:
            self.change(allowance)

    def change(self, allowance: Allowance) -> None:
        """Take over a new limit."""
        self.allowance, self._limit = allowance, allowance.limit
        self._set_floor()

    def rest(self) -> None:
        """Nobody looks after the lease any more: the next caller comes by the slow way and brings it back."""
        self.is_known = False
        self._set_floor()

    def is_at_rest(self) -> bool:
        is_empty = not (self.free or self.reserved or self._waiting or self._is_borrowing)
        return is_empty and self._ports.clock.monotonic() - self._drawn_at >= REST_S

    def _usable(self) -> int:
        return self.free

    def _set_floor(self) -> None:
        self._floor = NEVER if self._limit is None and self.is_known else 0

    def _learned(self) -> None:
        self.is_known = True
        self._set_floor()

    def _draw(self, amount: int) -> Taken:
        self.free -= amount
        self.reserved += amount
        self._is_drawn = True
        return Taken(self, amount)

    def _idle_s(self) -> float:
        """Seconds without a draw, as seen by those who ask again and again."""
        now = self._ports.clock.monotonic()
        if self._is_drawn:
            self._is_drawn, self._drawn_at = False, now
        return now - self._drawn_at

    def _start_borrowing(self) -> None:
        if not self._is_borrowing:
            self._is_borrowing = True
            self._ports.spawn(self._borrow_for_all())

    async def _borrow_for_all(self) -> None:
        try:
            while True:
                asked, failure = len(self._waiting), None
                try:
                    await self._borrow()
                except StoreUnavailable as error:
                    failure = error
                self._serve(asked, failure)
                if not self._waiting:
                    break
        finally:
            self._is_borrowing = False
            while self._waiting:
                _refuse(self._waiting.popleft(), StoreUnavailable("the borrowing was given up"))

    def _serve(self, asked: int, failure: StoreUnavailable | None) -> None:
        """Give every waiting caller what he asked for or a refusal; who came after the borrowing began may wait for the next."""
        is_over = self.is_over(self._ports.clock.now())
        waiting, self._waiting = self._waiting, deque()
        for place, waiter in enumerate(waiting):
            if waiter.future.done():
                continue
            if is_over:
                _refuse(waiter, WindowOver())
            elif self._usable() - waiter.amount >= self._floor:
                waiter.future.set_result(self._draw(waiter.amount))
            elif place >= asked:
                self._waiting.append(waiter)
            else:
                _refuse(waiter, StoreUnavailable(str(failure)) if failure else self._exhausted(waiter.amount))

    def _worthwhile(self, chunk: int) -> int:
        """Where a chunk would not serve two callers, they are better served one by one: it would only lie here."""
        return chunk if chunk >= 2 * self._typical else 0

    def _needed(self) -> int:
        return sum(waiter.amount for waiter in self._waiting if not waiter.future.done()) - self._usable()

    def _servable(self, room: int) -> int:
        """How much of `room` the waiting callers would take, in their order; those who need more than is left take nothing."""
        total = 0
        for waiter in self._waiting:
            if not waiter.future.done() and total + waiter.amount <= room:
                total += waiter.amount
        return total


def _refuse(waiter: _Waiter, reason: Exception) -> None:
    if not waiter.future.done():
        waiter.future.set_exception(reason)
