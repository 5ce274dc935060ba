"""Divides the hourly cost of provisioned capacity among those who used it, hour after hour, and corrects it when use comes late."""

import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Protocol

from shared.alerts.model import Notice
from shared.catalog.pools import PoolConfig, split
from shared.catalog.store import PoolHour, PoolHourStore
from shared.clock import Clock
from shared.documents import DocumentStore
from shared.jobs.counted_ledger import CountedLedger
from shared.jobs.provisioned_use import A_MOMENT_LESS, HOUR, Cells, Hour, hour_of, hours_of
from shared.ledger.model import (
    Capacity,
    Dimensions,
    Entry,
    EntryType,
    stamp,
)
from shared.reconciliation.model import BooksRecounted
from shared.windows import Window

_log = logging.getLogger("tollgate.provisioned")

SETTLED_AFTER = timedelta(minutes=10)
"""When an hour is over, most of what was used in it has been posted."""

CORRECTED_FOR = timedelta(hours=48)
"""How long an hour is looked at again, for use that is posted late."""

MOST_HOURS = 24 * 7
"""Hours of a pool that one run catches up on; the next goes on."""

FURTHEST = timedelta(days=395)
"""How far back a pool that is stated late may have begun: about thirteen months."""

_ROUNDS = 3


class Ledger(Cells, Protocol):
    async def entry(self, team: str, at: datetime, id: str) -> Entry | None: ...


class Posting(Protocol):
    async def post(self, entries: Sequence[Entry]) -> int: ...


class Periods(Protocol):
    async def is_locked(self, at: datetime) -> bool: ...


class NoticeBoard(Protocol):
    async def raise_(self, notices: Iterable[Notice]) -> int: ...


@dataclass(frozen=True, slots=True)
class Allocated:
    """What a run has done: hours that it divided or corrected, the entries it posted, and the hours left for the next run."""

    hours: int = 0
    entries: int = 0
    left: int = 0


class Allocator:
    """Can be killed at any point, and run twice at once: entries have ids by hour and user, and a second one only the difference."""

    def __init__(
        self,
        ledger: Ledger,
        posting: Posting,
        periods: Periods,
        hours: PoolHourStore,
        clock: Clock,
        notices: NoticeBoard | None = None,
    ) -> None:
        self._ledger, self._posting, self._periods = ledger, posting, periods
        self._hours, self._clock, self._notices = hours, clock, notices

    async def run(self, pools: Sequence[PoolConfig]) -> Allocated:
        """Allocate all hours that are over since the last run, and correct the last two days. Raises StoreUnavailable."""
        if not pools:
            return Allocated()
        end = hour_of(self._clock.now() - SETTLED_AFTER)
        due: dict[tuple[datetime, datetime], list[PoolConfig]] = defaultdict(list)
        left = 0
        for pool in pools:
            start = await self._hours.done_until(pool) or await self._beginning(pool, end)
            stop = _stop(pool, end)
            last = min(stop, start + MOST_HOURS * HOUR)
            if start < last:
                due[start, last].append(pool)
                left += (stop - last) // HOUR
        done = Allocated(left=left)
        for (start, last), some in due.items():
            done = await self._divide(Window("", start, last), some, done, is_new=True)
            for pool in some:
                await self._hours.set_done_until(pool, last)
        by_name = {pool.name: pool for pool in pools}
        return await self._divide(Window("", end - CORRECTED_FOR, end), by_name.values(), done, is_new=False)

    async def _beginning(self, pool: PoolConfig, end: datetime) -> datetime:
        """Return the first hour of a pool that is new here: where it began, as far as the books are still open that far back."""
        if pool.effective_from is None:
            return end - HOUR
        wanted = hour_of(pool.effective_from.astimezone(UTC))
        start = max(wanted, end - FURTHEST)
        while start < end - HOUR and await self._periods.is_locked(start):
            start += HOUR
        if start > wanted:
            _log.warning("pool %s: hours before %s are not charged", pool.name, stamp(start))
            if self._notices:
                await self._notices.raise_([_cut_off(pool, start, self._clock.now())])
        return start

    async def _divide(self, window: Window, pools: Iterable[PoolConfig], done: Allocated, *, is_new: bool) -> Allocated:
        """Divide the hours of a window, of those that are not new only what was begun already."""
        hours = await hours_of(self._ledger, window)
        start = window.start
        while start < window.end:
            for pool in pools:
                if is_new and not pool.holds(start):
                    continue
                hour = await self._hours.read(pool.name, start)
                if hour is None and is_new:
                    hour = await self._hours.begin(pool.name, start, PoolHour.of(pool))
                if hour is not None:
                    posted = await self._allocate(pool.name, start, hour, hours[start])
                    done = replace(done, hours=done.hours + bool(posted), entries=done.entries + posted)
            start += HOUR
        return done

    async def _allocate(self, pool: str, start: datetime, hour: PoolHour, seen: Hour) -> int:
        """Post what is not posted yet of one hour, and return the number of entries. An hour keeps what it began with.

        What is wanted adds up to the cost of the hour, and everybody who was charged before is wanted something of: at least 0.
        """
        weights = {
            replace(user, currency=hour.currency): weight
            for user, tokens in seen.use.items()
            if user.deployment in hour.deployments and (weight := hour.terms.weight(tokens))
        }
        # With what is posted: whatever comes to be posted is looked at once more.
        digest = _digest(
            [sorted((_key(user), count) for user, count in each.items()) for each in (weights, seen.posted)]
        )
        if hour.digest == digest:
            return 0
        shares = split(hour.terms, weights.values())
        owner = Dimensions(hour.owner, EntryType.ALLOCATION, hour.currency, capacity=Capacity.PROVISIONED)
        users = dict(zip(weights, shares.shares, strict=True))
        wanted = {**dict.fromkeys(seen.posted, 0), **users, owner: shares.idle}
        entries = 0
        for _ in range(_ROUNDS):
            missing = [entry async for entry in self._missing(pool, start, wanted)]
            if not missing:
                await self._hours.finish(pool, start, hour, digest)
                break
            entries += await self._posting.post(missing)
        return entries

    async def _missing(self, pool: str, start: datetime, wanted: Mapping[Dimensions, int]) -> AsyncIterator[Entry]:
        """Yield the differences between what is wanted and what is posted already."""
        is_locked = await self._periods.is_locked(start)
        for user, cost in wanted.items():
            key = f"ptu_{pool}_{stamp(start).replace(':', '')}_{_digest(_key(user))}"
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
                    price=f"provisioned|{pool}",
                    reason=_reason(user, is_late=is_late),
                    adjusts=f"{key}_0" if number else None,
                )


def _stop(pool: PoolConfig, end: datetime) -> datetime:
    """Return the end of what a pool is paid for, as far as that is over."""
    return min(end, hour_of(pool.effective_to.astimezone(UTC) + A_MOMENT_LESS)) if pool.effective_to else end


def _key(user: Dimensions) -> list[tuple[str, str]]:
    return sorted(user.to_json().items())


def _reason(user: Dimensions, *, is_late: bool) -> str | None:
    if is_late:
        return "late"
    return None if user.key else "idle"


def _digest(value: object) -> str:
    return sha256(repr(value).encode()).hexdigest()[:16]


def _cut_off(pool: PoolConfig, start: datetime, now: datetime) -> Notice:
    return Notice(
        id=f"provisioned|{pool.name}|{stamp(start)}",
        kind="period",
        severity="warning",
        title=f"Hours of the provisioned capacity {pool.name} are not charged",
        text=(
            f"It was stated to have begun at {pool.effective_from.isoformat() if pool.effective_from else ''}. "
            f"Months that are closed stay as they are, so it is charged from {stamp(start)}."
        ),
        at=now,
        facts=(("Pool", pool.name), ("Charged from", stamp(start))),
    )


async def allocate(
    documents: DocumentStore,
    posting: Posting,
    periods: Periods,
    pools: Sequence[PoolConfig],
    clock: Clock,
    notices: NoticeBoard | None = None,
    *,
    time_zone: str,
) -> Allocated:
    """Divide the hours since the last run. Without pools this costs nothing. Raises StoreUnavailable; it can be repeated.

    While use is counted anew for another `time_zone`, hours wait: what is posted by half of the sums is in the books for good.
    """
    ledger = CountedLedger(documents, clock, time_zone)
    allocator = Allocator(ledger, posting, periods, PoolHourStore(documents), clock, notices)
    try:
        return await allocator.run(pools)
    except BooksRecounted as error:
        _log.warning("Provisioned capacity is not divided yet: %s", error)
        return Allocated()
