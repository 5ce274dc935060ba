"""Leases on accounts: what calendar periods and slots are drawn from, with shares that return when their instance dies."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from shared.documents import DocumentExists, DocumentMissing, PreconditionFailed, StoreUnavailable
from shared.leases.account import Account
from shared.leases.demand import Demand
from shared.leases.lease import CONTAINER, FOREVER, NEVER, Lease, Ports, Taken
from shared.leases.model import Allowance, Exhausted, Level
from shared.leases.patience import Patience

LIFE_S = 300
MARGIN_S = 30
"""An instance stops using its share so long before others may take it: their clocks differ."""

RECHECK_S = 0.5
REPORT_S = 2.0
RETRY_S = 2.0
"""When to come back for what others hold and may not use."""

_DAY_S = 86_400
_KEPT_S = 40 * _DAY_S


@dataclass(frozen=True, slots=True)
class Kind:
    """In what the two differ: when a share is idle, and whether what calls under way had is `spent` when their instance dies."""

    idle_s: float
    spends: bool


MONEY = Kind(idle_s=10.0, spends=True)
SLOTS = Kind(idle_s=1.5, spends=False)
_MOST_SLOTS = 4


class AccountLease(Lease):
    """`_settled` is all that this instance's calls ever spent here, `_reported` what of it the store is known to have.

    Always: the share that is stored covers `free`, `reserved` and what is settled but not reported. A share is therefore made
    smaller here before it is made smaller there, and larger only after.
    """

    def __init__(self, allowance: Allowance, id: str, end: datetime, kind: Kind, ports: Ports) -> None:
        super().__init__(allowance, id, end, ports)
        self._instance = ports.instance
        self._monotonic = ports.clock.monotonic
        self._kind = kind
        self._account = Account()
        self._etag: str | None = None
        self._is_current = False
        self._has_met = False
        self._settled = self._reported = self._refused_left = 0
        self._held_elsewhere = self._reserved_elsewhere = 0
        self._held_until = self._usable_until = self._tended_at = self._refused_until = float("-inf")
        self._least_free, self._least_since = 0, self._monotonic()
        self._demand = Demand(ports.clock, 1)
        self._lock = asyncio.Lock()

    def take_now(self, allowance: Allowance, amount: int, now: datetime) -> Taken | None:
        free = self.free - amount
        if (
            allowance.limit != self._limit
            or free < self._floor
            or now >= self.end
            or self._waiting
            or self._monotonic() >= self._usable_until
        ):
            return None
        self.free = free
        self.reserved += amount
        self._is_drawn = True
        if free < self._least_free:
            self._least_free = free
        if free < self._low:
            self._low = NEVER
            self._start_borrowing()
        return Taken(self, amount)

    def settle(self, amount: int, actual: int, stamp: int) -> None:
        self.reserved -= amount
        if self._kind.spends:
            self._settled += actual
            self.free += amount - actual
        else:
            self.free += amount

    def change(self, allowance: Allowance) -> None:
        super().change(allowance)
        self._refused_until = float("-inf")
        self._keep_to_limit()

    def level(self) -> Level:
        held = self._held_elsewhere + max(0, self.free + self.reserved)
        if self._kind.spends:
            used = self._account.spent + self._settled - self._reported
            return Level(used, held, self._limit, self.end)
        used = self._reserved_elsewhere + self.reserved
        return Level(used, max(0, held - used), self._limit, None)

    async def look(self) -> None:
        async with self._lock:
            await self._load()
            self._keep_to_limit()

    async def tend(self) -> None:
        idle_s = self._idle_s()
        if self._is_borrowing or self._lock.locked():
            return
        now = self._monotonic()
        spare, is_time = self._spare(idle_s), now - self._tended_at >= REPORT_S
        with suppress(StoreUnavailable):
            if spare or self._must_renew() or (is_time and self._has_news()):
                self._tended_at = now
                await self._exchange(spare=spare)
            elif is_time and idle_s < MONEY.idle_s:
                self._tended_at = now
                await self.look()

    async def close(self) -> None:
        with suppress(StoreUnavailable):
            await self._exchange(spare=max(0, self.free), leaves=True)

    def is_at_rest(self) -> bool:
        return super().is_at_rest() and not self._has_news() and not self._account.share(self._instance).amount

    def _keep_to_limit(self) -> None:
        """What others spent beyond their reservations is not here to be spent once more."""
        if self._limit is not None and self.free > 0:
            self.free -= min(self.free, max(0, -self._account.room(self._limit, self._instance)))

    def _usable(self) -> int:
        return self.free if self._monotonic() < self._usable_until else min(0, self.free)

    def _set_floor(self) -> None:
        super()._set_floor()
        self._usable_until = float("inf") if self._floor < 0 else self._held_until

    def _has_news(self) -> bool:
        """Whether the store may have it otherwise; so also where the answer to a write was lost."""
        share = self._account.share(self._instance)
        is_shrunk = max(0, self.free + self.reserved) < share.amount - (self._settled - self._reported)
        return not self._is_current or is_shrunk or self._settled != self._reported or self.reserved != share.reserved

    def _must_renew(self) -> bool:
        return self._account.share(self._instance).amount > 0 and self._monotonic() > self._held_until - LIFE_S / 2

    def _spare(self, idle_s: float) -> int:
        """What has not been needed for a while."""
        if idle_s >= self._kind.idle_s or self.is_over(self._ports.clock.now()):
            return max(0, self.free)
        if self._kind.spends or self._monotonic() - self._least_since < self._kind.idle_s:
            return 0
        spare = max(0, min(self._least_free, self.free))
        self._least_free, self._least_since = self.free, self._monotonic()
        return spare

    async def _borrow(self) -> None:
        await self._exchange(is_asking=True)

    async def _exchange(self, *, spare: int = 0, is_asking: bool = False, leaves: bool = False) -> None:
        """Report, renew, give `spare` back and, when asking, borrow: all in one write. Raises StoreUnavailable."""
        async with self._lock:
            patience = Patience(self._monotonic)
            while True:
                is_fresh = not self._is_current
                if is_fresh:
                    await self._load()
                draft = self._draft(spare, is_asking, leaves)
                if is_asking and not is_fresh and self._falls_short(draft):
                    self._is_current = False
                    continue
                if is_asking and self._falls_short(draft):
                    self._remember_refusal(draft)
                if not self._is_worth_writing(draft) or await self._write(draft):
                    return
                spare = 0
                await patience.pause(is_hurried=bool(self._waiting))

    def _draft(self, spare: int, is_asking: bool, leaves: bool) -> Account:
        """Return the account as it shall be, and stop using what is given back in it."""
        me, now = self._instance, int(self._ports.clock.now().timestamp() * 1000)
        account = self._account.reclaim(now, me, presumes=self._kind.spends)
        account = account.report(me, self._settled, self.reserved, now + LIFE_S * 1000, self._reported)
        self.free -= max(0, min(self.free, max(spare, self._useless(account))))
        amount = account.share(me).amount
        kept = max(0, min(amount, self.free + self.reserved))
        account = account.give_back(me, amount - kept)
        if leaves:
            return account if self.reserved else account.without(me)
        return account.borrow(me, self._grant(account, kept - self.reserved, is_asking), self._limit)

    def _useless(self, account: Account) -> int:
        """What is beyond a lowered limit, and what is too little for any of those who wait: others may have the other half."""
        if self._limit is None:
            return 0
        room = account.room(self._limit, self._instance)
        is_too_little = self._waiting and not self._servable(self.free + max(0, room))
        return self.free if is_too_little else -room

    def _grant(self, account: Account, free: int, is_asking: bool) -> int:
        if self._limit is None:
            return max(0, -free)
        room = max(0, account.room(self._limit, self._instance))
        chunk = self._chunk(account) if is_asking else 0
        return min(room, max(0, self._servable(free + room) - free, chunk))

    def _chunk(self, account: Account) -> int:
        room = max(0, account.room(self._limit or 0, self._instance))
        if self._kind.spends:
            return self._worthwhile(room // (4 * (account.holders + 1)))
        return self._worthwhile(min(_MOST_SLOTS, self._demand.chunk(room)))

    def _falls_short(self, draft: Account) -> bool:
        free = draft.share(self._instance).amount - self.reserved
        return self._limit is not None and free < self._needed() + self._usable()

    def _remember_refusal(self, draft: Account) -> None:
        self._refused_left = max(0, draft.room(self._limit or 0, self._instance))
        self._refused_until = self._monotonic() + RECHECK_S

    def _is_worth_writing(self, draft: Account) -> bool:
        mine, stored = draft.share(self._instance), self._account.share(self._instance)
        is_changed = (draft.spent, draft.held) != (self._account.spent, self._account.held)
        is_changed |= (mine.amount, mine.reserved, mine.settled) != (stored.amount, stored.reserved, stored.settled)
        return is_changed or (mine.amount > 0 and mine.until - stored.until > LIFE_S * 1000 / 2)

    def _go_by(self, account: Account) -> None:
        own = account.share(self._instance)
        self._account = account
        self._held_elsewhere = account.held - own.amount
        self._reserved_elsewhere = account.reserved - own.reserved

    async def _load(self) -> None:
        document = await self._ports.documents.get(CONTAINER, self.allowance.name, self._id)
        self._go_by(Account.from_body(document.body) if document else Account())
        self._etag = document.etag if document else None
        self._is_current = True
        if self._instance in self._account.shares:
            self._reported = self._account.share(self._instance).settled
        if not self._has_met:
            # This instance may have been here before and forgotten it, having nothing left to report.
            self._has_met = True
            self._settled += self._reported
        self._learned()

    async def _write(self, draft: Account) -> bool:
        """Store the draft and go by it; False where others were faster."""
        began, settled = self._monotonic(), self._settled
        self._is_current = False
        try:
            self._etag = await self._store(draft)
        except (DocumentExists, DocumentMissing, PreconditionFailed):
            return False
        self._is_current = True
        grown = draft.share(self._instance).amount > self._account.share(self._instance).amount
        self._go_by(draft)
        self._reported = settled
        self.free = draft.share(self._instance).amount - self.reserved - (self._settled - settled)
        self._held_until = began + LIFE_S - MARGIN_S
        self._set_floor()
        if grown and self._limit is not None:
            self._demand.borrowed(draft.room(self._limit, self._instance))
            self._low = self._chunk(draft) // 3 or NEVER
        return True

    async def _store(self, draft: Account) -> str:
        documents, name, body = self._ports.documents, self.allowance.name, draft.body(self._id)
        ttl_s = _DAY_S
        if self.end < FOREVER:
            ttl_s = _KEPT_S + max(0, int((self.end - self._ports.clock.now()).total_seconds()))
        if self._etag is None:
            return (await documents.create(CONTAINER, name, body, ttl_s)).etag
        return (await documents.replace(CONTAINER, name, body, self._etag, ttl_s)).etag

    def _refusal(self, amount: int) -> Exhausted | None:
        if self._limit is None:
            return None
        is_refused = self._monotonic() < self._refused_until and amount > self._usable() + self._refused_left
        return self._exhausted(amount) if is_refused or amount > self._limit else None

    def _exhausted(self, amount: int) -> Exhausted:
        """Where it is not all spent, what others hold or calls under way have reserved may be free soon."""
        limit = self._limit or 0
        remaining = self._usable() + max(0, self._account.room(limit, self._instance))
        unspent = limit - self._account.spent - (self._settled - self._reported)
        if self.end == FOREVER or (amount <= unspent):
            return Exhausted(self.allowance, max(0, remaining), RETRY_S if self._kind.spends else 1.0)
        seconds = (self.end - self._ports.clock.now()).total_seconds()
        return Exhausted(self.allowance, max(0, remaining), max(0.0, seconds))
