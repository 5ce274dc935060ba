"""Divides the hourly cost of provisioned capacity among those who used it, hour after hour, and corrects it when use comes late."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

from shared.catalog.pools import PoolConfig, Split, split
from shared.catalog.store import PoolHourStore
from shared.clock import Clock
from shared.documents import DocumentStore
from shared.ledger.model import (
    Capacity,
    Cell,
    Dimensions,
    Entry,
    EntryType,
    Grain,
    Sums,
    View,
    add,
    stamp,
)
from shared.ledger.store import LedgerStore
from shared.windows import Window

SETTLED_AFTER = timedelta(minutes=10)
"""When an hour is over, most of what was used in it has been posted."""

CORRECTED_FOR = timedelta(hours=48)
"""How long an hour is looked at again, for use that is posted late."""

MOST_HOURS = 24 * 7
"""Hours that one run catches up on; the next goes on."""

_HOUR = timedelta(hours=1)
_ROUNDS = 3
_KEPT = (
    "team",
    "area",
    "application",
    "user",
    "key",
    "cost_center",
    "client",
    "project",
    "model",
    "deployment",
    "provider",
)


class Ledger(Protocol):
    def cells(
        self, view: View, grain: Grain, window: Window, teams: Collection[str] | None = None
    ) -> AsyncIterator[Cell]: ...

    async def entry(self, team: str, at: datetime, id: str) -> Entry | None: ...


class Posting(Protocol):
    async def post(self, entries: Sequence[Entry]) -> int: ...


class Periods(Protocol):
    async def is_locked(self, at: datetime) -> bool: ...


@dataclass(frozen=True, slots=True)
class Allocated:
    """What a run has done: hours that it divided or corrected, the entries it posted, and the hours left for the next run."""

    hours: int = 0
    entries: int = 0
    left: int = 0


Use = Mapping[Dimensions, Sums]
"""What was used of one pool in one hour, in tokens by bucket, by who used it."""


class Allocator:
    """Can be killed at any point, and run twice at once: entries have ids by hour and user, and a second one only the difference."""

    def __init__(self, ledger: Ledger, posting: Posting, periods: Periods, hours: PoolHourStore, clock: Clock) -> None:
        self._ledger, self._posting, self._periods = ledger, posting, periods
        self._hours, self._clock = hours, clock

    async def run(self, pools: Sequence[PoolConfig]) -> Allocated:
        """Allocate all closed hours since the last run, and correct the last two days. Raises StoreUnavailable."""
        if not pools:
            return Allocated()
        end = _hour_of(self._clock.now() - SETTLED_AFTER)
        start = await self._hours.done_until() or end - _HOUR
        last = min(end, start + MOST_HOURS * _HOUR)
        done = Allocated(left=(end - last) // _HOUR)
        uses = await self._uses(Window("", min(start, last - CORRECTED_FOR), last), pools)
        first = min([start, *(hour for _, hour in uses)])
        while first < last:
            for pool in pools:
                if pool.holds(first):
                    posted = await self.allocate(pool, first, uses.get((pool.name, first), {}), is_new=first >= start)
                    done = replace(done, hours=done.hours + bool(posted), entries=done.entries + posted)
            first += _HOUR
        await self._hours.set_done_until(last)
        return done

    async def allocate(self, pool: PoolConfig, start: datetime, use: Use, *, is_new: bool = True) -> int:
        """Post what is not posted yet of one hour, and return the number of entries. An hour keeps the terms it began with."""
        found = await self._hours.read(pool.name, start)
        if found is None:
            if not is_new:
                return 0
            found = await self._hours.begin(pool.name, start, pool.terms())
        weights = {user: found.terms.weight(tokens) for user, tokens in use.items()}
        weights = {user: weight for user, weight in weights.items() if weight}
        digest = _digest(sorted((sorted(user.to_json().items()), weight) for user, weight in weights.items()))
        if found.digest == digest:
            return 0
        wanted = _wanted(pool, split(found.terms, weights.values()), tuple(weights))
        entries = 0
        for _ in range(_ROUNDS):
            missing = [entry async for entry in self._missing(pool, start, wanted)]
            if not missing:
                await self._hours.finish(pool.name, start, replace(found, digest=digest))
                break
            entries += await self._posting.post(missing)
        return entries

    async def _missing(
        self, pool: PoolConfig, start: datetime, wanted: Mapping[Dimensions, int]
    ) -> AsyncIterator[Entry]:
        """Yield the differences between what is wanted and what is posted already."""
        is_locked = await self._periods.is_locked(start)
        for user, cost in wanted.items():
            key = f"ptu_{pool.name}_{stamp(start).replace(':', '')}_{_digest(sorted(user.to_json().items()))}"
            number = posted = 0
            while entry := await self._ledger.entry(user.team, start, f"{key}_{number}"):
                posted += entry.cost or 0
                number += 1
            if difference := cost - posted:
                is_late = is_locked or number > 0
                yield Entry(
                    id=f"{key}_{number}",
                    at=start,
                    posted_at=self._clock.now(),
                    dimensions=replace(user, type=EntryType.ADJUSTMENT) if is_late else user,
                    sums={},
                    cost=difference,
                    lines={"provisioned" if user.key else "idle": difference},
                    price=f"provisioned|{pool.name}",
                    reason=_reason(user, is_late=is_late),
                    adjusts=f"{key}_0" if number else None,
                )

    async def _uses(
        self, window: Window, pools: Sequence[PoolConfig]
    ) -> dict[tuple[str, datetime], dict[Dimensions, Sums]]:
        """Return what was used, by pool and hour: an hour of the ledger belongs to the UTC hour that it begins in."""
        uses: dict[tuple[str, datetime], dict[Dimensions, Sums]] = {}
        async for cell in self._ledger.cells(View.DETAIL, Grain.HOUR, window):
            hour, dimensions = _hour_of(cell.key.start), cell.key.dimensions
            pool = next(
                (each for each in pools if each.holds(hour) and dimensions.deployment in each.deployments), None
            )
            if (
                pool is None
                or dimensions.capacity is not Capacity.PROVISIONED
                or dimensions.type is EntryType.ALLOCATION
            ):
                continue
            users = uses.setdefault((pool.name, hour), {})
            user = _user(dimensions, pool.currency)
            users[user] = add(users.get(user, {}), _tokens(cell.sums))
        return uses


def _user(dimensions: Dimensions, currency: str) -> Dimensions:
    kept = {name: getattr(dimensions, name) for name in _KEPT}
    return Dimensions(**kept, type=EntryType.ALLOCATION, currency=currency, capacity=Capacity.PROVISIONED)


def _tokens(sums: Sums) -> dict[str, int]:
    return {name.removeprefix("tokens."): count for name, count in sums.items() if name.startswith("tokens.")}


def _wanted(pool: PoolConfig, shares: Split, users: Sequence[Dimensions]) -> dict[Dimensions, int]:
    owner = Dimensions(pool.owner, EntryType.ALLOCATION, pool.currency, capacity=Capacity.PROVISIONED)
    return {**dict(zip(users, shares.shares, strict=True)), owner: shares.idle}


def _reason(user: Dimensions, *, is_late: bool) -> str | None:
    if is_late:
        return "late"
    return None if user.key else "idle"


def _hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _digest(value: object) -> str:
    return sha256(repr(value).encode()).hexdigest()[:16]


async def allocate(
    documents: DocumentStore, posting: Posting, periods: Periods, pools: Sequence[PoolConfig], clock: Clock
) -> Allocated:
    """Divide the hours since the last run. Without pools this costs nothing. Raises StoreUnavailable; it can be repeated."""
    allocator = Allocator(LedgerStore(documents), posting, periods, PoolHourStore(documents), clock)
    return await allocator.run(pools)
