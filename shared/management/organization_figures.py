"""Sums of the ledger by bucket of time and group, as OpenAI's usage and costs endpoints divide them."""

from collections.abc import AsyncIterator, Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from shared.ledger.model import Cell, Dimensions, Entry, EntryType, Grain, Sums, View, add
from shared.management.figures import MOST_DAYS
from shared.management.folding import Folding
from shared.management.organization_query import Query
from shared.management.turns import unhurried
from shared.windows import Window

LINE = "cost."
_HOUR_S = 3600
_DAYS_OF_ENTRIES = 7
"""Where no cells begin with the hours of UTC, every entry is read: that takes long."""

type Group = tuple[str | bool | None, ...]
type Buckets = list[dict[Group, Sums]]
"""For each bucket of a page, the sums by group."""


class Ledger(Protocol):
    """What is asked of the ledger. Both raise StoreUnavailable."""

    def cells(
        self, view: View, grain: Grain, window: Window, teams: Collection[str] | None = None
    ) -> AsyncIterator[Cell]: ...

    def entries(self, window: Window, teams: Collection[str] | None = None) -> AsyncIterator[Entry]: ...


@dataclass(frozen=True, slots=True)
class Sight:
    """What a caller may see: some teams or all (None), and of these one key or all (None)."""

    teams: frozenset[str] | None
    key: str | None = None

    def shows(self, dimensions: Dimensions) -> bool:
        return self.key is None or dimensions.key == self.key


IMAGE_SOURCES = {
    "images.generations": "image.generation",
    "images.edits": "image.edit",
    "images.variations": "image.variation",
}

PROPERTIES: dict[str, Callable[[Dimensions], str | bool | None]] = {
    "project_id": lambda found: found.project or found.team,
    "user_id": lambda found: found.user,
    "api_key_id": lambda found: found.key,
    "model": lambda found: found.model,
    "batch": lambda found: found.tier == "batch",
    "service_tier": lambda found: found.tier or "default",
    "source": lambda found: IMAGE_SOURCES.get(found.endpoint or ""),
}
"""What can be grouped and filtered by. A project is what the team, application or user is said to belong to, else the team itself."""

_FILTERS = {
    "project_ids": "project_id",
    "user_ids": "user_id",
    "api_key_ids": "api_key_id",
    "models": "model",
    "sources": "source",
}


async def figures(
    ledger: Ledger,
    time_zone: str,
    query: Query,
    sight: Sight,
    divide: Callable[[Dimensions, Sums], Iterator[tuple[Group, Sums]]],
    rest_of: Callable[[Group], Group],
) -> Buckets:
    """Return the sums of a page. `divide` says to which groups what part of the sums belongs. Raises StoreUnavailable.

    Of more than `MOST_ROWS` the smaller ones are told together in each bucket, as the group that `rest_of` says.
    """
    folding: Folding[tuple[int, Group], tuple[int, Group]] = Folding(lambda key: (key[0], rest_of(key[1])))
    async for at, dimensions, sums in unhurried(_found(ledger, time_zone, query, sight.teams)):
        if not sight.shows(dimensions) or not _passes(query, dimensions):
            continue
        for group, part in divide(dimensions, sums):
            folding.count((_index(query, at), group), part)
    folding.finish()
    buckets: Buckets = [{} for _ in range(_index(query, query.window.end))]
    for (number, group), sums in folding.rows.items():
        buckets[number][group] = add(sums)
    for (number, group), rest in folding.rest.items():
        buckets[number][group] = add(buckets[number].get(group, {}), rest.sums)
    return buckets


def shortened(query: Query, time_zone: str) -> Query:
    """Return a query whose page is no longer than what can be read at once: the next page goes on from there."""
    if query.width == "1m":
        return query
    grain = _grain(query, time_zone)
    most = MOST_DAYS[grain] if grain else _DAYS_OF_ENTRIES
    end = query.window.start + timedelta(days=most)
    return query if query.window.end <= end else query.until(end)


def group_of(query: Query, dimensions: Dimensions, names: Collection[str]) -> Group:
    """Return the values that a group is told apart by; None for what is not asked to be."""
    return tuple(PROPERTIES[name](dimensions) if name in query.group_by else None for name in names)


def line_items(dimensions: Dimensions, sums: Sums) -> Iterator[tuple[str | None, Sums]]:
    """Divide a cost into line items such as `gpt-4o, input_fresh`, without a rest: what no line tells of is an item as well."""
    subject = dimensions.model or dimensions.endpoint or "calls"
    if unpriced := sums.get("unpriced", 0):
        # Also of an adjustment that brings a price: it takes one from what has none.
        yield f"{subject}, unpriced", {"unpriced": unpriced}
    if dimensions.type is EntryType.ADJUSTMENT:
        # One item: with a model and the kinds of tokens it would look like usage.
        if cost := sums.get("cost", 0):
            yield "adjustments", {"cost": cost}
        return
    lines = {name.removeprefix(LINE): nanos for name, nanos in sums.items() if name.startswith(LINE)}
    for name, nanos in lines.items():
        yield f"{subject}, {name}", {"cost": nanos}
    rest = sums.get("cost", 0) - sum(lines.values())
    if rest:
        yield _WITHOUT_LINES.get(dimensions.type, f"{subject}, other"), {"cost": rest}


_WITHOUT_LINES = {EntryType.ALLOCATION: "provisioned capacity"}


async def _found(
    ledger: Ledger, time_zone: str, query: Query, teams: Collection[str] | None
) -> AsyncIterator[tuple[datetime, Dimensions, Sums]]:
    """Yield what the ledger has: from its cells where they begin when the buckets do, else from the entries."""
    grain = _grain(query, time_zone)
    if grain is None:
        async for entry in ledger.entries(query.window, teams):
            yield entry.at, entry.dimensions, entry.counted()
    else:
        async for cell in ledger.cells(View.DETAIL, grain, query.window, teams):
            yield cell.key.start, cell.key.dimensions, cell.sums


def _grain(query: Query, time_zone: str) -> Grain | None:
    """Buckets begin with the hours and days of UTC, cells with those of the reporting time zone."""
    if query.width == "1d" and time_zone == "UTC":
        return Grain.DAY
    if query.width == "1m" or not _has_whole_hours(query.window, time_zone):
        return None
    return Grain.HOUR


def _has_whole_hours(window: Window, time_zone: str) -> bool:
    """Whether the zone is ahead of UTC by whole hours on every day of the window."""
    zone, day = ZoneInfo(time_zone), window.start
    while True:
        offset = min(day, window.end).astimezone(zone).utcoffset() or timedelta()
        if offset.total_seconds() % _HOUR_S:
            return False
        if day >= window.end:
            return True
        day += timedelta(days=1)


def _passes(query: Query, dimensions: Dimensions) -> bool:
    if query.batch is not None and PROPERTIES["batch"](dimensions) is not query.batch:
        return False
    return all(
        PROPERTIES[_FILTERS[name]](dimensions) in values for name, values in query.filters.items() if name in _FILTERS
    )


def _index(query: Query, at: datetime) -> int:
    return int((at - query.window.start).total_seconds()) // query.seconds
