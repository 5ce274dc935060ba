"""Rates what had no price when it was used, or had the wrong one, by the prices of now: as entries beside the old ones."""

import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from hashlib import sha256
from itertools import batched
from typing import Protocol

from shared.catalog.model import Charge, Unpriced
from shared.catalog.rating import Served
from shared.catalog.service import PriceBook
from shared.clock import Clock
from shared.documents import DocumentStore, Json
from shared.jobs.open_months import open_months
from shared.jobs.usage_ingest import rating_of, saved_by_downshift
from shared.ledger.model import CONTAINER, Cell, CellKey, Entry, EntryType, Grain, Sums, View, add, stamp
from shared.ledger.plausible import EventInvalid, checked
from shared.ledger.store import LedgerStore
from shared.migrations.steps import newest_usage_event
from shared.reconciliation.periods import PeriodStore
from shared.usage.model import TokenUsage, Units, Usage
from shared.windows import Window

_log = logging.getLogger("tollgate.rerate")

PRICED, CORRECTED = "priced", "corrected"
"""The reasons of the adjustments made here."""

_TOGETHER = 200
"""Adjustments that are posted at a time."""

_DAY, _MONTH = timedelta(hours=25), timedelta(days=32)
"""No day and no month of a time zone lasts longer."""

_LOOKS = "rerating"
_LOOKED_FOR_S = 7 * 86_400
"""How long a day is not looked at again for the same prices."""


class Ledger(Protocol):
    def cells(
        self, view: View, grain: Grain, window: Window, teams: Collection[str] | None = None
    ) -> AsyncIterator[Cell]: ...

    def entries(self, window: Window, teams: Collection[str] | None = None) -> AsyncIterator[Entry]: ...

    async def find(self, team: str, at: datetime, id: str) -> Json | None: ...


class Posting(Protocol):
    async def post(self, entries: Sequence[Entry]) -> int: ...


@dataclass(frozen=True, slots=True)
class UnpricedUse:
    """Calls whose cost nobody knows, of one kind; `since` begins the first day that has some."""

    provider: str | None
    model: str | None
    region: str | None
    tier: str | None
    calls: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Rerated:
    """What a run has done: entries that it looked at, adjustments it posted, and what they come to in nano-units."""

    looked_at: int = 0
    adjusted: int = 0
    cost: int = 0
    unpriced: int = 0


class Rerating:
    """Never edits an entry. What was posted for a call before, and its adjustments, are counted against what it costs now."""

    def __init__(
        self, ledger: Ledger, posting: Posting, documents: DocumentStore, book: PriceBook, clock: Clock
    ) -> None:
        self._ledger, self._posting, self._documents = ledger, posting, documents
        self._book, self._clock = book, clock

    async def unpriced(self, window: Window) -> list[UnpricedUse]:
        """Return what has no price, the most frequent first; the window is of whole days of the reporting time zone."""
        found: dict[tuple[str | None, ...], UnpricedUse] = {}
        for cell in await self._open(window):
            of = cell.key.dimensions
            kind = (of.provider, of.model, of.region, of.tier)
            known = found.get(kind) or UnpricedUse(*kind, calls=0, since=cell.key.start)
            calls = known.calls + max(0, cell.sums["unpriced"])
            found[kind] = replace(known, calls=calls, since=min(known.since, cell.key.start))
        listed = (use for use in found.values() if use.calls)
        return sorted(listed, key=lambda use: (-use.calls, use.model or "", use.since))

    async def price_unpriced(self, window: Window) -> Rerated:
        """Price what has a price by now, call for call.

        A day that was looked at already is looked at again when there are other prices, or something was posted to it.
        """
        days: dict[tuple[str, datetime], list[Cell]] = {}
        for cell in await self._open(window):
            days.setdefault((cell.key.dimensions.team, cell.key.start), []).append(cell)
        done = Rerated()
        for (team, start), cells in sorted(days.items(), key=lambda day: day[0]):
            id, seen = f"{team}|{stamp(start)}", self._seen(start, cells)
            look = await self._documents.get(CONTAINER, _LOOKS, id)
            if look is None or look.body["seen"] != seen:
                done = await self._day(team, Window("", start, start + _DAY), None, done)
                body = {"schema": 1, "id": id, "kind": "look", "seen": seen}
                await self._documents.upsert(CONTAINER, _LOOKS, body, _LOOKED_FOR_S)
        return done

    async def correct(self, window: Window, model: str) -> Rerated:
        """Charge all calls of a model (a glob) in a window what they cost by the prices of now, priced or not before."""
        start, done, glob = window.start, Rerated(), model.lower()

        def is_meant(entry: Entry) -> bool:
            names = (entry.dimensions.model or "", (entry.price or "||").split("|")[1])
            return any(fnmatchcase(name.lower(), glob) for name in names)

        while start < window.end:
            end = min(start + timedelta(days=1), window.end)
            teams = {cell.key.dimensions.team async for cell in self._totals(Window("", start, end))}
            for team in sorted(teams):
                done = await self._day(team, Window("", start, end), is_meant, done)
            start = end
        return done

    async def _open(self, window: Window) -> list[Cell]:
        """Return the days with calls that have no price yet: adjustments are counted against the calls that they are of."""
        sums: dict[CellKey, Sums] = {}
        teams, start = await self._open_teams(window)
        async for cell in self._ledger.cells(View.DETAIL, Grain.DAY, replace(window, start=start), teams):
            if "unpriced" in cell.sums:
                of = replace(cell.key.dimensions, type=EntryType.USAGE, currency="")
                key = replace(cell.key, dimensions=of)
                sums[key] = add(sums.get(key, {}), cell.sums)
        return [Cell(key, total) for key, total in sums.items() if total.get("unpriced", 0)]

    async def _open_teams(self, window: Window) -> tuple[set[str], datetime]:
        """Return the teams with months that have such calls, and where the first of these months begins in the window."""
        months: dict[tuple[str, datetime], int] = {}
        around = replace(window, start=window.start - _MONTH)
        async for cell in self._ledger.cells(View.TOTAL, Grain.MONTH, around):
            month = (cell.key.dimensions.team, cell.key.start)
            months[month] = months.get(month, 0) + cell.sums.get("unpriced", 0)
        unpriced = [month for month, calls in months.items() if calls]
        first = min((start for _, start in unpriced), default=window.start)
        return {team for team, _ in unpriced}, max(window.start, first)

    def _seen(self, start: datetime, cells: Sequence[Cell]) -> str:
        """Name the prices and what they were tried on: of a day that is not over only what seems to have one.

        All else of it was rated by the same prices when it was posted, but for what old instances still post.
        """
        is_over = start + _DAY < self._clock.now()
        known = sorted(
            (cell.key.id, sorted(cell.sums.items())) for cell in cells if is_over or self._may_be_priced(cell)
        )
        return sha256(repr((self._book.digest, is_over, known)).encode()).hexdigest()[:16]

    def _totals(self, window: Window) -> AsyncIterator[Cell]:
        """Cells of hours, from the one that the window begins in."""
        return self._ledger.cells(View.TOTAL, Grain.HOUR, replace(window, start=window.start - timedelta(hours=1)))

    def _may_be_priced(self, cell: Cell) -> bool:
        """Whether all that was used has a price, at the beginning of the day or at its end."""
        of, usage = cell.key.dimensions, _usage_of(cell.sums)
        moments = (cell.key.start, cell.key.start + timedelta(hours=23, minutes=59))
        served = [Served(of.provider, (of.model,), at, of.region, of.tier, of.capacity) for at in moments]
        return any(isinstance(self._book.rate(each, usage), Charge) for each in served)

    async def _day(self, team: str, window: Window, is_meant: Callable[[Entry], bool] | None, done: Rerated) -> Rerated:
        """Rate the meant calls of a team (None: those without a price) in a window.

        An adjustment has the time of what it adjusts, so all that was posted for a call stands in the same window.
        """
        calls: list[Entry] = []
        adjustments: dict[str, list[Entry]] = {}
        async for entry in self._ledger.entries(window, [team]):
            if entry.adjusts is not None:
                adjustments.setdefault(entry.adjusts, []).append(entry)
            elif entry.event is not None and (is_meant(entry) if is_meant else entry.cost is None):
                calls.append(entry)
        posted = [_Posted(entry, tuple(adjustments.get(entry.id, ()))) for entry in calls]
        reason = CORRECTED if is_meant else PRICED
        for some in batched([each for each in posted if is_meant or each.unpriced], _TOGETHER, strict=False):
            done = await self._rate(some, reason, done)
        return done

    async def _rate(self, calls: Sequence["_Posted"], reason: str, done: Rerated) -> Rerated:
        adjustments, unpriced = [], 0
        for call in calls:
            rating, saved_downshift = await self._rating(call.entry)
            if isinstance(rating, Unpriced):
                unpriced += 1
            elif adjustment := self._adjustment(call, rating, saved_downshift, reason):
                adjustments.append(adjustment)
        posted = await self._posting.post(adjustments) if adjustments else 0
        return Rerated(
            looked_at=done.looked_at + len(calls),
            adjusted=done.adjusted + posted,
            cost=done.cost + sum(each.cost or 0 for each in adjustments),
            unpriced=done.unpriced + unpriced,
        )

    async def _rating(self, entry: Entry) -> tuple[Charge | Unpriced, int]:
        """Rate the event itself, and say what was saved by sending it to another model.

        When that is gone, what its entry says of it is rated: the model that was priced, else the catalogue's.

        So it is with an event that cannot be read: one must not keep all others from their prices.
        """
        stored = await self._ledger.find(entry.dimensions.team, entry.at, entry.event or "")
        if stored is not None:
            try:
                event, rate = checked(newest_usage_event(stored), self._clock.now()), self._rate_event
                rating = rate(event)
                return rating, saved_by_downshift(event, rating, rate)
            except EventInvalid as error:
                _log.warning("The event of entry %s cannot be read: %s", entry.id, error)
        of = entry.dimensions
        priced = (entry.price or "||").split("|")[1] or None
        served = Served(of.provider, (priced, of.model), entry.at, of.region, of.tier, of.capacity)
        return self._book.rate(served, _usage_of(entry.sums)), entry.sums.get("saved.downshift", 0)

    def _rate_event(self, event: Json) -> Charge | Unpriced:
        return rating_of(event, self._book)

    def _adjustment(self, call: "_Posted", charge: Charge, saved_downshift: int, reason: str) -> Entry | None:
        """Return the difference to all that was posted; None where there is none."""
        entry, all_posted = call.entry, (call.entry, *call.adjustments)
        lines = _less(charge.lines, *(each.lines for each in all_posted))
        saved = {
            "saved.cache": charge.saved_cache,
            "saved.tier": charge.saved_tier,
            "saved.downshift": saved_downshift,
        }
        sums = _less(saved, *({name: each.sums.get(name, 0) for name in saved} for each in all_posted))
        cost = charge.cost - sum(each.cost or 0 for each in all_posted)
        if call.unpriced:
            sums["unpriced"] = -call.unpriced
        if not (cost or lines or sums):
            return None
        return Entry(
            id=f"adj_{entry.id}_{call.digest}",
            at=entry.at,
            posted_at=self._clock.now(),
            dimensions=replace(entry.dimensions, type=EntryType.ADJUSTMENT, currency=charge.currency),
            sums=sums,
            cost=cost,
            lines=lines,
            price=charge.price,
            tags=entry.tags,
            session=entry.session,
            reason=reason,
            adjusts=entry.id,
        )


@dataclass(frozen=True, slots=True)
class _Posted:
    """The entry of a call with all adjustments of it."""

    entry: Entry
    adjustments: tuple[Entry, ...]

    @property
    def unpriced(self) -> int:
        return (self.entry.cost is None) + sum(each.sums.get("unpriced", 0) for each in self.adjustments)

    @property
    def digest(self) -> str:
        """Names the step that follows what is posted, wherever it leads: of two that start here, one is posted."""
        before = sorted(each.id for each in self.adjustments)
        return sha256(repr(before).encode()).hexdigest()[:16]


def _less(now: Mapping[str, int], *before: Sums) -> dict[str, int]:
    return add(now, *({name: -number for name, number in sums.items()} for sums in before))


def _usage_of(sums: Sums) -> Usage:
    tokens = {name.removeprefix("tokens."): count for name, count in sums.items() if name.startswith("tokens.")}
    units = {name.removeprefix("units."): count for name, count in sums.items() if name.startswith("units.")}
    return Usage(TokenUsage(**tokens), Units(**units))


async def rerate(documents: DocumentStore, posting: Posting, book: PriceBook, clock: Clock) -> Rerated:
    """Price what has come to have a price, in the months that are open. Raises StoreUnavailable; it can be repeated."""
    rerating = Rerating(LedgerStore(documents), posting, documents, book, clock)
    periods = [period async for period in PeriodStore(documents, clock).all()]
    return await rerating.price_unpriced(open_months(clock.now(), periods))
