"""Asks for work that nobody has come back for: settles what has ended, waits for what goes on, and says when it waits too long."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

from shared.alerts.model import Notice
from shared.clock import Clock
from shared.errors import Unavailable
from shared.ownership.open_work import OpenWork, OpenWorkStore
from shared.wire.openai.endpoints import Kind

BUDGET_S = 240.0
"""Less than the five minutes between two ticks."""

TOLD_AFTER = {Kind.RESPONSE: timedelta(hours=24), Kind.BATCH: timedelta(hours=48)}
GIVEN_UP_AFTER = {Kind.RESPONSE: timedelta(days=7), Kind.BATCH: timedelta(days=30)}
UNTOLD_FOR = timedelta(hours=24)
"""An object that has ended, or is gone, and has told no usage for so long will not tell any."""

_PAGE = 100
_log = logging.getLogger("tollgate.provisions")


class Look(Protocol):
    """What a look at an object showed."""

    @property
    def value(self) -> str: ...


class Upstream(Protocol):
    """The gateway's way of settling one object. Both raise StoreUnavailable and Unavailable."""

    async def look(self, object_id: str) -> Look:
        """Settle the object if it has ended: `settled`, `goes on`, `untold`, `unreachable`, or `nothing` where it was settled before."""

    async def give_up(self, object_id: str) -> bool:
        """Report the estimate as what was used."""


class Board(Protocol):
    async def raise_(self, notices: Iterable[Notice]) -> int: ...


@dataclass(slots=True)
class Swept:
    """What one run came to."""

    settled: int = 0
    going_on: int = 0
    given_up: int = 0
    told: int = 0


class ProvisionsSweep:
    """Looks at what is due, the longest due first; every object has a pace of its own."""

    def __init__(self, store: OpenWorkStore, upstream: Upstream, board: Board, clock: Clock) -> None:
        self._store, self._upstream, self._board, self._clock = store, upstream, board, clock

    async def run(self, budget_s: float = BUDGET_S) -> Swept:
        """Go on until nothing is due or the time is over. Raises StoreUnavailable; what is done by then stays done."""
        swept, until = Swept(), self._clock.monotonic() + budget_s
        while due := await self._store.due(self._clock.now(), _PAGE):
            for work in due:
                if self._clock.monotonic() >= until:
                    return swept
                await self._attend(work, swept)
        return swept

    async def _attend(self, work: OpenWork, swept: Swept) -> None:
        now = self._clock.now()
        # Before the look: one that kills its process every time must not hold up all the others.
        work = work.looked_at(now)
        await self._store.put(work)
        try:
            shown = (await self._upstream.look(work.id)).value
        except Unavailable:
            shown = "unreachable"
        if shown in ("settled", "nothing"):
            # It is taken off the list also where the provision never came to be written.
            await self._store.remove(work.id)
            swept.settled += shown == "settled"
            return
        if shown == "untold":
            work = replace(work, ended_at=work.ended_at or now)
        if _is_over(work, now):
            await self._give_up(work, now, swept)
        else:
            await self._wait(work, now, swept)

    async def _give_up(self, work: OpenWork, now: datetime, swept: Swept) -> None:
        # The notice first: it is told once, whoever is killed in between.
        await self._board.raise_([_given_up(work, now)])
        await self._upstream.give_up(work.id)
        await self._store.remove(work.id)
        swept.given_up += 1

    async def _wait(self, work: OpenWork, now: datetime, swept: Swept) -> None:
        if not work.is_told and now - work.since >= TOLD_AFTER[work.kind]:
            await self._board.raise_([_overdue(work, now)])
            work = replace(work, is_told=True)
            swept.told += 1
        await self._store.put(work)
        swept.going_on += 1


async def sweep(store: OpenWorkStore, upstream: Upstream, board: Board, clock: Clock) -> Swept:
    """Raises StoreUnavailable."""
    swept = await ProvisionsSweep(store, upstream, board, clock).run()
    if swept.settled or swept.given_up:
        _log.info("Late work: %d settled, %d given up, %d go on", swept.settled, swept.given_up, swept.going_on)
    return swept


def _is_over(work: OpenWork, now: datetime) -> bool:
    if work.ended_at is not None and now - work.ended_at >= UNTOLD_FOR:
        return True
    return now - work.since >= GIVEN_UP_AFTER[work.kind]


def _overdue(work: OpenWork, now: datetime) -> Notice:
    hours = int(TOLD_AFTER[work.kind].total_seconds() // 3600)
    return _notice(
        work,
        now,
        "late",
        f"A {work.kind.value} has not told its usage for {hours} hours",
        "Its estimate stays charged to budgets; the ledger has nothing of it yet. It goes on being asked for.",
    )


def _given_up(work: OpenWork, now: datetime) -> Notice:
    return _notice(
        work,
        now,
        "given_up",
        f"The usage of a {work.kind.value} will not be known",
        "The ledger has its estimate, marked as one. Compare it with the provider's bill.",
    )


def _notice(work: OpenWork, now: datetime, what: str, title: str, text: str) -> Notice:
    return Notice(
        # The upstream chose the object's id: it may hold what no document's id may.
        id=f"{what}|{sha256(work.id.encode()).hexdigest()[:32]}",
        kind="reconciliation",
        severity="warning",
        title=title,
        text=text,
        at=now,
        facts=(("Object", work.id), ("Since", work.since.isoformat(timespec="minutes")), ("Looks", str(work.looks))),
        team=work.team,
    )
