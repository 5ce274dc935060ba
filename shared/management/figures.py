"""Sums of the ledger for one question: what every page and every answer about money is made of, so that no two disagree."""

import hashlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.ledger.model import Cell, EntryType, Grain, Head, View, accumulate, start_of
from shared.management.authority import Sight
from shared.management.books import Ledger
from shared.management.folding import MOST_ROWS, Folding, Rest
from shared.management.problems import invalid
from shared.management.spending import TAG
from shared.management.turns import unhurried
from shared.money import amount, text_of
from shared.windows import CalendarPeriod, Period, Window

MOST_DAYS: Mapping[Grain, int] = {Grain.HOUR: 100, Grain.DAY: 1_200, Grain.MONTH: 9_000}
"""How long a question may be that is answered by cells of this length."""

_OF_TOTALS = frozenset({"team", "type", "currency", "area"})
_COARSE_FIRST = (Grain.MONTH, Grain.DAY, Grain.HOUR)
_AN_HOUR = timedelta(hours=1)

type Row = tuple[datetime | None, str, tuple[str | None, ...]]
"""The beginning (None: of all), the currency, and the values of the groups."""

type Place = tuple[datetime | None, str]
"""Where what is not told apart is told together: the beginning and the currency."""


@dataclass(frozen=True, slots=True)
class Question:
    """`grain` None asks for one row of all time; `wanted` keeps what has just these values."""

    window: Window
    grain: Grain | None
    groups: Sequence[str]
    wanted: Mapping[str, str]
    sight: Sight

    @property
    def names(self) -> frozenset[str]:
        return frozenset({*self.groups, *self.wanted, *(name for name, _ in self.sight.only)})

    @property
    def view(self) -> View:
        """The smallest of the ledger's views that can tell. Raises Invalid."""
        if TAG in self.names:
            if beyond := sorted(self.names - _OF_TOTALS - {TAG}):
                raise invalid("tag", f"goes together with {', '.join(sorted(_OF_TOTALS))} only, not with {beyond[0]}")
            return View.TAG
        return View.TOTAL if self.names <= _OF_TOTALS else View.DETAIL

    @property
    def teams(self) -> tuple[str, ...] | None:
        """The teams that are read, None for all: nobody reads another's by asking for it."""
        asked = self.wanted.get("team")
        if self.sight.team is None:
            return None if asked is None else (asked,)
        return (self.sight.team,) if asked in (None, self.sight.team) else ()

    def keeps(self, cell: Cell) -> bool:
        return all(_value(cell, name) == value for name, value in (*self.wanted.items(), *self.sight.only))


@dataclass(frozen=True, slots=True)
class Figures:
    """`window` is what the rows cover: what was asked for, from the first full hour (of tags: day) to the last.

    `rest` is what the rows lack where there are too many of them: with it, they come to the whole.
    """

    question: Question
    window: Window
    rows: Mapping[Row, Mapping[str, int]]
    heads: Mapping[tuple[str, str], Head]
    rest: Mapping[Place, Rest]


async def figures(
    ledger: Ledger, question: Question, time_zone: str, *, ranked: str = "cost", most: int = MOST_ROWS
) -> Figures:
    """Read the cells that answer a question, and keep those rows apart that have most of `ranked`.

    Raises Invalid for a question of too long a time, and StoreUnavailable.
    """
    view, teams = question.view, question.teams
    window, reading = _read(question, view, time_zone)
    # Before the cells: what the heads say is then included in any case.
    heads = {key: head for key, head in (await ledger.heads(window)).items() if teams is None or key[0] in teams}
    # Without groups there is a row for each step of time, of which `MOST_DAYS` sets the number.
    folding: Folding[Row, Place] = Folding(_place, ranked, most if question.groups else sys.maxsize)
    if teams != ():
        async for cell in unhurried(ledger.cells(view, reading, window, teams)):
            if question.keeps(cell):
                folding.count(_row(question, cell, time_zone), cell.sums)
        folding.finish()
    rows = _with_their_usage(question, dict(sorted(folding.rows.items(), key=_order)))
    return Figures(question, window, rows, heads, dict(sorted(folding.rest.items(), key=_order_of_rest)))


def _with_their_usage(question: Question, rows: Mapping[Row, dict[str, int]]) -> Mapping[Row, dict[str, int]]:
    """Count what adjustments have priced off the usage that had no price, not below zero in a row of their own."""
    if "type" not in question.groups:
        return rows
    place = question.groups.index("type")
    for (start, currency, values), sums in rows.items():
        usage = rows.get((start, currency, (*values[:place], EntryType.USAGE.value, *values[place + 1 :])))
        if (unpriced := sums.get("unpriced", 0)) < 0 and usage is not None:
            accumulate(usage, {"unpriced": unpriced})
            accumulate(sums, {"unpriced": -unpriced})
    return rows


def _place(row: Row) -> Place:
    return row[0], row[1]


def _row(question: Question, cell: Cell, time_zone: str) -> Row:
    start = None if question.grain is None else start_of(question.grain, cell.key.start, time_zone)
    return start, cell.key.dimensions.currency, tuple(_value(cell, name) for name in question.groups)


def _value(cell: Cell, name: str) -> str | None:
    value = cell.key.tag if name == TAG else getattr(cell.key.dimensions, name)
    return None if value is None else str(value)


def _order(item: tuple[Row, Mapping[str, int]]) -> tuple[object, ...]:
    (start, currency, values), _ = item
    return (start.isoformat() if start else "", currency, *(value or "" for value in values))


def _order_of_rest(item: tuple[Place, Rest]) -> tuple[str, str]:
    (start, currency), _ = item
    return start.isoformat() if start else "", currency


def _read(question: Question, view: View, time_zone: str) -> tuple[Window, Grain]:
    """Return the window widened to whole cells, and the coarsest cells that it is made of. Raises Invalid."""
    finest = Grain.DAY if view is View.TAG else Grain.HOUR
    if view is View.TAG and question.grain is Grain.HOUR:
        raise invalid("grain", "must be day, month or total for tags")
    window = _widened(question.window, finest, time_zone)
    for grain in _COARSE_FIRST:
        fits = question.grain is None or _COARSE_FIRST.index(grain) >= _COARSE_FIRST.index(question.grain)
        if fits and _widened(window, grain, time_zone) == window:
            if (window.end - window.start).days > MOST_DAYS[grain]:
                raise invalid(
                    "from", f"is too long ago for steps of a {grain}: at most {MOST_DAYS[grain]} days at once"
                )
            return window, grain
    raise AssertionError("a window is widened to whole cells")


def _widened(window: Window, grain: Grain, time_zone: str) -> Window:
    start, end = start_of(grain, window.start, time_zone), start_of(grain, window.end, time_zone)
    return Window(window.id, start, end if end == window.end else next_start(grain, window.end, time_zone))


def next_start(grain: Grain, at: datetime, time_zone: str) -> datetime:
    """Return the beginning of the hour, day or month after the one that holds a moment."""
    if grain is not Grain.HOUR:
        return CalendarPeriod(Period(grain), time_zone).at(at).end
    start = start_of(grain, at, time_zone)
    return start_of(grain, start + _AN_HOUR, time_zone)


def money(nanos: int) -> str:
    """Return nano-units as decimal text; credits are negative."""
    return text_of(amount(nanos))


def shown(sums: Mapping[str, int]) -> dict[str, Any]:
    """Return sums as an answer has them. What has no price has no cost: that is null, not zero.

    Adjustments alone, without the usage that they have priced, are not less than none without a price.
    """
    unpriced = max(sums.get("unpriced", 0), 0)
    return {
        "cost": None if unpriced and "cost" not in sums else money(sums.get("cost", 0)),
        "unpriced": unpriced,
        "requests": sums.get("requests", 0),
        "estimated": sums.get("estimated", 0),
        "pending": sums.get("pending", 0),
        "tokens": under(sums, "tokens."),
        "units": under(sums, "units."),
        "errors": under(sums, "errors."),
        "lines": {name: money(nanos) for name, nanos in under(sums, "cost.").items()},
        "saved": {name: money(nanos) for name, nanos in under(sums, "saved.").items()},
    }


def under(sums: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): number for name, number in sorted(sums.items()) if name.startswith(prefix)}


def coverage(heads: Mapping[tuple[str, str], Head], *, is_whole: bool) -> dict[str, Any]:
    """Say which state of the ledger an answer stands on; who sees a part alone is told the time alone."""
    last = max((head.last_posted_at for head in heads.values() if head.last_posted_at), default=None)
    told: dict[str, Any] = {"posted_through": last.isoformat() if last else None}
    if is_whole:
        told |= {
            "partitions": len(heads),
            "postings": sum(head.sequence for head in heads.values()),
            "events": sum(head.events for head in heads.values()),
            "digest": _digest(f"{team}|{month}|{head.sequence}|{head.digest}" for (team, month), head in heads.items()),
        }
    return told


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
