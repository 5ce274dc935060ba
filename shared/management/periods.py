"""Reporting months: which are closed, what they were closed with, and what was adjusted since."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime

from shared.fields import Strict
from shared.management.call import Answer, Call
from shared.management.figures import money
from shared.management.ledger import books_of, entry_answer
from shared.management.problems import Absent
from shared.management.spending_answers import Amounts, EntryAnswer, Money
from shared.reconciliation.model import Period, TeamSnapshot
from shared.reconciliation.months import MonthInvalid
from shared.windows import CalendarPeriod, Window
from shared.windows import Period as Period_

_MOST_ADJUSTMENTS, _LOOKS_BACK = 500, 12


class Closing(Strict):
    """With `accept_unpriced` a month is closed although not everything in it has a price yet."""

    accept_unpriced: bool = False


class SnapshotAnswer(Strict):
    """What a month was closed with: the cost by currency, and a digest over all of its partitions."""

    cost: Amounts
    entries: int
    requests: int
    pending: int
    unpriced: int
    without_event: int
    teams: int
    digest: str


class PeriodAnswer(Strict):
    """`closing` takes no more usage: what is late is an adjustment. `blockers` say what it waits for."""

    month: str
    label: str
    start: AwareDatetime
    end: AwareDatetime
    state: str
    closing_at: AwareDatetime | None
    closing_by: str | None
    accepts_unpriced: bool
    closed_at: AwareDatetime | None
    blockers: tuple[str, ...]
    snapshot: SnapshotAnswer | None


class PeriodList(Strict):
    data: tuple[PeriodAnswer, ...]


class PeriodTotal(Strict):
    cost_center: str | None
    currency: str
    cost: Money
    requests: int
    unpriced: int


class PeriodTeam(Strict):
    team: str
    digest: str
    totals: tuple[PeriodTotal, ...]


class PeriodDetail(PeriodAnswer):
    """`adjustments` are those since the month was closed, 500 of them at most; `more_adjustments` says that there are more."""

    teams: tuple[PeriodTeam, ...]
    adjustments: tuple[EntryAnswer, ...]
    more_adjustments: bool


async def periods(call: Call) -> Answer:
    """List the current month and every one that is locked or has something in it, newest first."""
    proving = books_of(call).proving
    found = {period.month.id: period async for period in proving.periods.all()}
    for month in await _recent(call):
        found.setdefault(month, await proving.closing.period(month))
    return Answer({"data": [_period(found[month]) for month in sorted(found, reverse=True)]})


async def period(call: Call) -> Answer:
    month, proving = call.path["period"], books_of(call).proving
    found = await _known(call)
    teams = [_team(team) async for team in proving.periods.snapshots(month)]
    adjustments: list[dict[str, Any]] = []
    async for entry in proving.closing.adjustments_since_close(month):
        adjustments.append(entry_answer(entry))
        if len(adjustments) > _MOST_ADJUSTMENTS:
            break
    more = len(adjustments) > _MOST_ADJUSTMENTS
    return Answer(
        {
            **_period(found),
            "teams": teams,
            "adjustments": adjustments[:_MOST_ADJUSTMENTS],
            "more_adjustments": more,
        }
    )


async def close(call: Call) -> Answer:
    """Lock the month; a timer closes it once everything in it is proved."""
    month = (await _known(call)).month.id
    await call.parts.store.note(call.actor, "period.close", f"periods/{month}", call.request_id)
    accepts = call.body.accept_unpriced
    return Answer(_period(await books_of(call).proving.closing.close(month, call.caller.id, accept_unpriced=accepts)))


async def _known(call: Call) -> Period:
    try:
        return await books_of(call).proving.closing.period(call.path["period"])
    except MonthInvalid:
        raise Absent(f"There is no periods/{call.path['period']}; a month is written as in 2026-11.") from None


async def _recent(call: Call) -> list[str]:
    """Return the current month, and those of the last year in which anything was used."""
    books, month = books_of(call), CalendarPeriod(Period_.MONTH, books_of(call).time_zone)
    moment = call.parts.clock.now()
    found = [_name(month.at(moment), books.time_zone)]
    for _ in range(_LOOKS_BACK):
        moment = month.at(moment).start - timedelta.resolution
        if await books.ledger.partitions(f"{moment:%Y-%m}"):
            found.append(_name(month.at(moment), books.time_zone))
    return found


def _name(window: Window, time_zone: str) -> str:
    """Return a reporting month's name, by the noon of its first day: midnight can show as the evening before."""
    return f"{(window.start + timedelta(hours=12)).astimezone(ZoneInfo(time_zone)):%Y-%m}"


def _period(period: Period) -> dict[str, Any]:
    month, snapshot = period.month, period.snapshot
    return {
        "month": month.id,
        "label": month.label,
        "start": month.window.start.isoformat(),
        "end": month.window.end.isoformat(),
        "state": period.state.value,
        "closing_at": period.closing_at.isoformat() if period.closing_at else None,
        "closing_by": period.closing_by,
        "accepts_unpriced": period.accepts_unpriced,
        "closed_at": period.closed_at.isoformat() if period.closed_at else None,
        "blockers": list(period.blockers),
        "snapshot": None
        if snapshot is None
        else {
            "cost": {currency: money(nanos) for currency, nanos in snapshot.cost.items()},
            "entries": snapshot.entries,
            "requests": snapshot.requests,
            "pending": snapshot.pending,
            "unpriced": snapshot.unpriced,
            "without_event": snapshot.without_event,
            "teams": snapshot.teams,
            "digest": snapshot.digest,
        },
    }


def _team(team: TeamSnapshot) -> dict[str, Any]:
    totals = [
        {
            "cost_center": total.cost_center,
            "currency": total.currency,
            "cost": money(total.cost),
            "requests": total.sums.get("requests", 0),
            "unpriced": total.sums.get("unpriced", 0),
        }
        for total in team.totals
    ]
    return {"team": team.team, "digest": team.digest, "totals": totals}
