"""Draws on allowances that all instances share: what is near at hand in memory, the rest borrowed in chunks."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from datetime import datetime
from itertools import islice
from typing import Any

from shared.clock import Clock
from shared.documents import DocumentStore, StoreUnavailable
from shared.ids import new_id
from shared.leases.account_lease import MONEY, SLOTS, AccountLease
from shared.leases.lease import FOREVER, Contended, Lease, Ports, Taken, WindowOver
from shared.leases.model import Allowance, Exhausted, Held, Level, Smooth
from shared.leases.patience import PATIENCE_S
from shared.leases.smooth_lease import SmoothLease
from shared.leases.window_lease import WindowLease
from shared.single_flight import SingleFlight
from shared.windows import FixedWindow

KEPT = 50_000
"""Leases that are remembered; those that hold something, or owe a report, are kept beyond."""

DOWN_S = 1.0
"""Seconds for which a store that did not answer is not waited for again."""

_AT_ONCE = 32
_log = logging.getLogger("tollgate.leases")


class Leases:
    """One per process. No combination of callers and instances takes more than an allowance's limit."""

    def __init__(
        self,
        documents: DocumentStore,
        clock: Clock,
        instance: str,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        kept: int = KEPT,
        tell: Callable[[str], None] = lambda result: None,
    ) -> None:
        """`tell` hears what became of every request to the store: granted, refused, returned, store_away."""
        # Two processes of one name would count on the same share.
        self._ports = Ports(documents, clock, new_id(instance, clock.now()), spawn, tell)
        self._clock, self._now = clock, clock.now
        self._looks: SingleFlight[tuple[str, str], None] = SingleFlight()
        self._down_until = float("-inf")
        self._kept = kept
        self._current: OrderedDict[str, Lease] = OrderedDict()
        self._active: dict[tuple[str, str], Lease] = {}

    def take_now(self, allowance: Allowance, amount: int) -> Taken | None:
        """Draw from memory; None means that the store has to be asked. Raises ValueError for less than nothing."""
        if amount < 0:
            raise ValueError("nothing can be drawn that is less than nothing")
        lease = self._current.get(allowance.name)
        return lease.take_now(allowance, amount, self._now()) if lease else None

    async def take(self, allowance: Allowance, amount: int) -> Taken:
        """Draw, asking the store if need be. Raises Exhausted, StoreUnavailable, and ValueError for less than nothing."""
        if amount < 0:
            raise ValueError("nothing can be drawn that is less than nothing")
        while True:
            lease = self._lease(allowance)
            if allowance.limit == 0:
                raise Exhausted(allowance, 0, self._seconds_until(lease.end))
            self._active[lease.key] = lease
            if (taken := lease.take_now(allowance, amount, self._now())) is not None:
                return taken
            try:
                return await self._told(lease.take(allowance, amount))
            except WindowOver:
                continue

    async def _told(self, answer: Coroutine[Any, Any, Taken]) -> Taken:
        tell = self._ports.tell
        try:
            taken = await self._asking(answer)
        except Exhausted:
            tell("refused")
            raise
        except StoreUnavailable:
            tell("store_away")
            raise
        tell("granted")
        return taken

    def count(self, allowance: Allowance, amount: int) -> None:
        """Count what nothing was reserved for, even past the limit; below zero it is given back. The store hears of it later."""
        lease = self._lease(allowance)
        self._active[lease.key] = lease
        lease.settle(0, amount, lease.stamp)

    def level(self, allowance: Allowance) -> Level | None:
        """Return what is known here; None where nobody has looked in this window."""
        lease = self._fitting(allowance)
        return lease.level() if lease and lease.is_known else None

    async def look(self, allowance: Allowance) -> Level:
        """Ask the store. Raises StoreUnavailable."""
        lease = self._lease(allowance)
        await self._asking(self._looks.run(lease.key, lease.look))
        return lease.level()

    async def _asking[T](self, answer: Coroutine[Any, Any, T]) -> T:
        """Wait for the store, but not for ever. When it did not answer, nobody else waits for it for a moment."""
        if self._clock.monotonic() < self._down_until:
            answer.close()
            raise StoreUnavailable("the store did not answer a moment ago")
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await answer
        except TimeoutError:
            raise Contended(f"nothing came of it within {PATIENCE_S:g} s") from None
        except Contended:
            raise
        except StoreUnavailable:
            self._down_until = self._clock.monotonic() + DOWN_S
            raise

    @property
    def remembered(self) -> int:
        """How many allowances there is something known of."""
        return len(self._current)

    async def tend(self) -> None:
        """One round of what keeps instances in step: report, renew, give back. To be called about once a second.

        Never raises: what the store could not take is kept for the next round.
        """
        await self._for_all(lambda lease: lease.tend())
        for key, lease in list(self._active.items()):
            if lease.is_at_rest():
                lease.rest()
                del self._active[key]

    @property
    def is_at_work(self) -> bool:
        """Whether anything is held, reserved or not reported yet: then `tend` has to go on."""
        return bool(self._active)

    async def close(self) -> None:
        """Report and give back everything, once. What calls under way hold returns when it expires."""
        await self._looks.close()
        await self._for_all(lambda lease: lease.close())

    async def _for_all(self, work: Callable[[Lease], Coroutine[Any, Any, None]]) -> None:
        leases = iter(list(self._active.values()))

        async def take_turns() -> None:
            for lease in leases:
                try:
                    await work(lease)
                except (ArithmeticError, TypeError, ValueError) as error:
                    # One that cannot be stored must not keep the others from being reported and renewed.
                    _log.error("The lease on %s cannot be kept: %s", lease.key[0], type(error).__name__)

        await asyncio.gather(*(take_turns() for _ in range(_AT_ONCE)))

    def _seconds_until(self, end: datetime) -> float:
        return 1.0 if end == FOREVER else max(0.0, (end - self._now()).total_seconds())

    def _fitting(self, allowance: Allowance) -> Lease | None:
        lease = self._current.get(allowance.name)
        if lease is None or not lease.fits(allowance, self._now()):
            return None
        lease.follow(allowance)
        return lease

    def _lease(self, allowance: Allowance) -> Lease:
        lease = self._fitting(allowance)
        if lease is None:
            lease = self._current[allowance.name] = self._open(allowance)
            self._forget_the_oldest()
        self._current.move_to_end(allowance.name)
        return lease

    def _open(self, allowance: Allowance) -> Lease:
        """Return the lease that is still looked after or a new one: there must never be two for one document."""
        fresh = _new_lease(allowance, self._now(), self._ports)
        lease = self._active.get(fresh.key)
        if lease is None or type(lease) is not type(fresh):
            return fresh
        lease.end = fresh.end
        lease.change(allowance)
        return lease

    def _forget_the_oldest(self) -> None:
        excess = max(0, len(self._current) - self._kept)
        for name in list(islice(self._current, 8 * excess)):
            if excess and self._current[name].key not in self._active:
                del self._current[name]
                excess -= 1
            else:
                self._current.move_to_end(name)


def _new_lease(allowance: Allowance, now: datetime, ports: Ports) -> Lease:
    rule = allowance.rule
    if isinstance(rule, Held):
        return AccountLease(allowance, "held", FOREVER, SLOTS, ports)
    if isinstance(rule, Smooth):
        if allowance.limit is not None:
            return SmoothLease(allowance, allowance.limit, rule, ports)
        rule = FixedWindow(rule.seconds)
    if isinstance(rule, FixedWindow):
        return WindowLease(allowance, rule.at(now), ports)
    window = rule.at(now)
    return AccountLease(allowance, window.id, window.end, MONEY, ports)
