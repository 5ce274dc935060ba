"""What was spent: sums of the ledger, and the entries that they are made of, as far as the caller may know them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from shared.ledger.latency import quantile
from shared.ledger.model import Entry, Grain
from shared.management.authority import READERS, Sight, spending_sight
from shared.management.books import Books
from shared.management.call import Answer, Call
from shared.management.figures import Figures, Question, coverage, figures, money, next_start, shown, under
from shared.management.folding import MOST_ROWS, OTHERS
from shared.management.paging import Cursors, page_of
from shared.management.problems import Absent
from shared.management.spending import TAG, Filter, list_window, moment_of, window_of
from shared.windows import Window

_QUANTILES = {"p50_ms": 0.5, "p90_ms": 0.9, "p95_ms": 0.95, "p99_ms": 0.99}
_BY = ("team", "model", "application")
_STREAMED, _SHOWN = 200, 20
_AT_ONCE = 100
"""How many rows are made before others get their turn."""


def sight_of(call: Call) -> Sight:
    return spending_sight(call.authority, call.caller.owner, call.caller.id)


def books_of(call: Call) -> Books:
    books = call.parts.books
    # Without books the table that requests are looked up in has none of these operations.
    assert books is not None
    return books


async def costs(call: Call) -> Answer:
    return await _told(call, "cost", shown)


async def latency(call: Call) -> Answer:
    return await _told(call, "requests", _speed)


async def summary(call: Call) -> Answer:
    """Answer with the whole and its largest parts; every part is read in the same way as the whole."""
    with call.parts.turns.taken(call.caller.id):
        total = await _figures(call, "total", ())
        names = [name for name in (*_BY, TAG) if _can_tell(call, name)]
        parts = {name: _largest(await _figures(call, "total", (name,), most=_SHOWN)) for name in names}
    totals = [{"currency": currency, **shown(sums)} for (_, currency, _), sums in total.rows.items()]
    return Answer({**_frame(call, total), "totals": totals, **{f"by_{name}": rows for name, rows in parts.items()}})


async def unpriced(call: Call) -> Answer:
    """List what has no price yet, until it gets one: an adjustment that prices it takes it off."""
    with call.parts.turns.taken(call.caller.id):
        found = await _figures(call, "total", ("provider", "model", "tier"), ranked="unpriced", most=MOST_ROWS)
        rows = [
            {**row, "requests": sums["unpriced"], "tokens": under(sums, "tokens.")}
            async for row, sums in _rows(call, found)
            if sums.get("unpriced")
        ]
    return Answer({**_frame(call, found), "truncated": bool(found.rest), "rows": rows})


async def entries(call: Call) -> Answer:
    fetch, show, sight = _reading(call)
    what = f"entries {sight} {call.query.wanted} {call.query.from_} {call.query.to}"
    with call.parts.turns.taken(call.caller.id):
        return await page_of(Cursors(call.parts.pepper, what), call.query.cursor, call.query.limit, (), fetch, show)


async def export(call: Call) -> Answer:
    """Answer as `entries` does, or with everything at once, one entry a line."""
    if call.query.format == "json":
        return await entries(call)
    fetch, show, _ = _reading(call)

    async def lines() -> AsyncGenerator[bytes]:
        cursor: str | None = None
        while True:
            found, cursor = await fetch(_STREAMED, cursor)
            for entry in found:
                if (line := await show(entry)) is not None:
                    yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
            if cursor is None:
                return

    return Answer(None, [("content-type", "application/x-ndjson")], content=lines())


async def entry(call: Call) -> Answer:
    books, sight, team = books_of(call), sight_of(call), call.query.team
    found = None
    if sight.team in (None, team):
        at = moment_of(call.query.at, books.time_zone)
        found = await books.ledger.entry(team, at, call.path["entry"])
    if found is None or not _is_within(found, dict(sight.only)):
        raise Absent(f"There is no entries/{call.path['entry']} of this team and month.")
    return Answer(entry_answer(found, tells_session=_knows_sessions(call)))


def entry_answer(entry: Entry, *, tells_session: bool = False) -> dict[str, Any]:
    """Return an entry; its session only for who may know of it: sessions are nobody's but the team's.

    What goes on after its call has no cost of its own: that comes with another entry, as soon as it is settled.
    """
    return {
        "id": entry.id,
        "at": entry.at.isoformat(),
        "posted_at": entry.posted_at.isoformat(),
        "dimensions": entry.dimensions.to_json(),
        "cost": None if entry.told_cost is None else money(entry.told_cost),
        "currency": entry.dimensions.currency,
        "lines": {name: money(nanos) for name, nanos in entry.lines.items()},
        "price": entry.price,
        "event": entry.event,
        "tags": list(entry.tags),
        "session": entry.session if tells_session else None,
        "reason": entry.reason,
        "adjusts": entry.adjusts,
        "unpriced": list(entry.unpriced),
        "actor": entry.actor,
        "sums": dict(entry.sums),
    }


def _reading(call: Call) -> tuple[Any, Any, Sight]:
    """Return what fetches pages of entries and what shows one, both within what the caller may know."""
    books, sight, query = books_of(call), sight_of(call), call.query
    window = list_window(query, call.parts.clock.now(), books.time_zone)
    teams = Question(window, None, (), query.wanted, sight).teams
    wanted = {**query.wanted, **dict(sight.only)}

    async def fetch(limit: int, cursor: str | None) -> tuple[Sequence[Entry], str | None]:
        return await books.entries.page(window, teams, limit, cursor) if teams != () else ((), None)

    async def show(entry: Entry) -> Mapping[str, Any] | None:
        return entry_answer(entry, tells_session=_knows_sessions(call)) if _is_within(entry, wanted) else None

    return fetch, show, sight


def _knows_sessions(call: Call) -> bool:
    """Whoever reads every team's ledger has no role in a team: to them sessions are groups without names."""
    return call.caller.role not in READERS


def _is_within(entry: Entry, wanted: Mapping[str, str]) -> bool:
    tag = wanted.get(TAG)
    plain = {name: value for name, value in wanted.items() if name != TAG}
    return (tag is None or tag in entry.tags) and all(
        (own := getattr(entry.dimensions, name)) is not None and str(own) == value for name, value in plain.items()
    )


async def _told(call: Call, ranked: str, tell: Callable[[Mapping[str, int]], dict[str, Any]]) -> Answer:
    grain = call.query.grain
    with call.parts.turns.taken(call.caller.id):
        found = await _figures(call, grain, call.query.groups, ranked=ranked, most=MOST_ROWS)
        rows = [{**row, **tell(sums)} async for row, sums in _rows(call, found)]
    return Answer({**_frame(call, found), "grain": grain, "truncated": bool(found.rest), "rows": rows})


async def _figures(call: Call, grain: str, groups: Sequence[str], **kept: Any) -> Figures:
    books = books_of(call)
    query: Filter = call.query
    window = window_of(query, call.parts.clock.now(), books.time_zone)
    asked = Question(window, None if grain == "total" else Grain(grain), groups, query.wanted, sight_of(call))
    return await figures(books.ledger, asked, books.time_zone, **kept)


def _frame(call: Call, found: Figures) -> dict[str, Any]:
    sight = sight_of(call)
    return {
        "from": found.window.start.isoformat(),
        "to": found.window.end.isoformat(),
        "time_zone": books_of(call).time_zone,
        "coverage": coverage(found.heads, is_whole=sight.is_whole_team),
    }


async def _rows(call: Call, found: Figures) -> AsyncIterator[tuple[dict[str, Any], Mapping[str, int]]]:
    """Yield what names each row, and its sums; what is not told apart comes last."""
    groups = found.question.groups
    for number, ((start, currency, values), sums) in enumerate(found.rows.items(), 1):
        yield {**_named(call, found, start, currency), "group": dict(zip(groups, values, strict=True))}, sums
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    for (start, currency), rest in found.rest.items():
        named = _named(call, found, start, currency)
        yield {**named, "group": dict.fromkeys(groups, OTHERS), "folded": rest.groups}, rest.sums


def _named(call: Call, found: Figures, start: datetime | None, currency: str) -> dict[str, Any]:
    grain = found.question.grain
    if grain is None or start is None:
        return {"currency": currency}
    end = next_start(grain, start, books_of(call).time_zone)
    return {"currency": currency, "start": start.isoformat(), "end": end.isoformat()}


def _largest(found: Figures) -> list[dict[str, Any]]:
    """Return the dearest parts first, and after them all others together."""
    ranked = sorted(found.rows.items(), key=lambda item: (-item[1].get("cost", 0), item[0][2][0] or ""))
    return [
        *({"name": values[0], "currency": currency, **shown(sums)} for (_, currency, values), sums in ranked),
        *(
            {"name": OTHERS, "currency": currency, "folded": rest.groups, **shown(rest.sums)}
            for (_, currency), rest in found.rest.items()
        ),
    ]


def _can_tell(call: Call, name: str) -> bool:
    """Whether the ledger keeps figures that are both by this and within what was asked for."""
    window = Window("", call.parts.clock.now(), call.parts.clock.now())
    asked = Question(window, None, (name,), call.query.wanted, sight_of(call))
    return TAG not in asked.names or asked.names <= {TAG, "team", "area", "type", "currency"}


def _speed(sums: Mapping[str, int]) -> dict[str, Any]:
    return {
        "requests": sums.get("requests", 0),
        "latency": {name: quantile(sums, "latency", share) for name, share in _QUANTILES.items()},
        "first_byte": {name: quantile(sums, "first_byte", share) for name, share in _QUANTILES.items()},
        "errors": under(sums, "errors."),
    }
