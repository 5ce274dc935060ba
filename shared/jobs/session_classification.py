"""Finds and classifies the sessions of the days whose calls have changed, and gives out badges.

A day is always counted anew from the ledger, so nothing depends on what was counted before: a run that is repeated, killed or meets
late events ends in the same sessions. What the ledger's hourly cells count says whether there is anything to do.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.clock import Clock
from shared.documents import Condition, DocumentStore, Json
from shared.ids import new_id
from shared.ledger.documents import entry_of
from shared.ledger.model import CONTAINER, Grain, View, months_of
from shared.ledger.store import LedgerStore
from shared.migrations.steps import newest_usage_event
from shared.sessions.badges import earned
from shared.sessions.counting import day_of_sessions, session_of
from shared.sessions.model import Achievement, Label, Session, Step
from shared.sessions.runs import Runs, day_of, window_of_day
from shared.sessions.score import WEEKS, monday_of
from shared.sessions.steps import step_of
from shared.sessions.store import SessionStore
from shared.telemetry.instruments import SESSIONS
from shared.telemetry.model import Instrument
from shared.windows import Window

BUDGET_S = 240.0
LOOK_BACK_DAYS = 7
"""Days in which events that come late are noticed by themselves; further back somebody has to ask."""

SLICE = 10_000
"""Entries that are in memory at a time, about."""

PACE = 500
"""Calls of a day that are read in a second on average, so that a large team's day is not read every quarter of an hour."""

_PAGE = 500
_EVENTS, _LATE = "req", "late_"
_ENTRIES = ("led_", "adj_led_")


@dataclass(frozen=True, slots=True)
class Classified:
    """What a run has done. `unfinished` names the teams that the time did not suffice for; the next run finds them by itself."""

    teams: int = 0
    days: int = 0
    sessions: int = 0
    badges: int = 0
    unfinished: tuple[str, ...] = ()


def _tell_nobody(instrument: Instrument, value: float = 1, **attributes: str) -> None:
    """For who is not asked what was found."""


@dataclass(frozen=True, slots=True)
class Classification:
    """The job with what it works with. Raises StoreUnavailable; it can be run again at any time, and several at once.

    `tell` is `Telemetry.count`, and hears of sessions that were not there the last time.
    """

    documents: DocumentStore
    clock: Clock
    time_zone: str
    tell: Callable[..., None] = _tell_nobody
    ledger: LedgerStore = field(init=False)
    store: SessionStore = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ledger", LedgerStore(self.documents))
        object.__setattr__(self, "store", SessionStore(self.documents))

    async def run(self, budget_s: float = BUDGET_S) -> Classified:
        """Bring the last days of every team up to date."""
        now = self.clock.now()
        window = Window("recent", now - timedelta(days=LOOK_BACK_DAYS), now)
        return await self.classify(window, budget_s=budget_s)

    async def classify(
        self, window: Window, teams: Collection[str] | None = None, *, anew: bool = False, budget_s: float = BUDGET_S
    ) -> Classified:
        """Bring the days that a window touches up to date, or count them all `anew`, for some teams or for every one."""
        deadline = self.clock.monotonic() + budget_s
        done, left = Classified(), sorted(teams if teams is not None else await self._teams(window))
        while left and self.clock.monotonic() < deadline:
            done = await self._team(left.pop(0), window, done, deadline, anew=anew)
        return replace(done, unfinished=(*done.unfinished, *left))

    async def _teams(self, window: Window) -> set[str]:
        return {team for month in months_of(window) for team in await self.ledger.teams(month)}

    async def _team(self, team: str, window: Window, done: Classified, deadline: float, *, anew: bool) -> Classified:
        entries = await self._entries_by_day(team, window)
        days = sessions = 0
        for day, count in sorted(entries.items()):
            if not anew and not await self._is_due(team, day, count):
                continue
            if self.clock.monotonic() >= deadline:
                done = replace(done, unfinished=(*done.unfinished, team))
                break
            sessions += await self._count_day(team, day, count)
            days += 1
        badges = await self._award(team) if days else 0
        return replace(
            done,
            teams=done.teams + 1,
            days=done.days + days,
            sessions=done.sessions + sessions,
            badges=done.badges + badges,
        )

    async def _entries_by_day(self, team: str, window: Window) -> dict[date, int]:
        """How many entries the ledger has for each working day, by its hourly totals."""
        zone = ZoneInfo(self.time_zone)
        first, last = day_of(window.start, zone), day_of(window.end - timedelta(microseconds=1), zone)
        start, end = window_of_day(first, self.time_zone).start, window_of_day(last, self.time_zone).end
        found: dict[date, int] = {}
        async for cell in self.ledger.cells(View.TOTAL, Grain.HOUR, Window("", start, end), [team]):
            day = day_of(cell.key.start, zone)
            found[day] = found.get(day, 0) + cell.sums.get("entries", 0)
        return found

    async def _is_due(self, team: str, day: date, count: int) -> bool:
        known = await self.store.day(team, day)
        if known is None or known.at is None:
            return True
        return known.entries != count and self.clock.now() - known.at >= timedelta(seconds=count / PACE)

    async def _count_day(self, team: str, day: date, count: int) -> int:
        at = self.clock.now()
        sessions = [session async for session in self._sessions(team, day, count)]
        counted = replace(day_of_sessions(team, day, sessions), entries=count, at=at)
        known = await self.store.day(team, day)
        await self.store.replace_day(counted, sessions)
        for label in Label:
            if (new := counted.count(label) - (known.count(label) if known else 0)) > 0:
                self.tell(SESSIONS, new, label=label.value)
        return len(sessions)

    async def _sessions(self, team: str, day: date, count: int) -> AsyncIterator[Session]:
        window, runs = window_of_day(day, self.time_zone), Runs(self.time_zone)
        late = await self._late(team, window)
        for part in _slices(window, count):
            steps = [*await self._steps(team, part), *(step for step in late if part.holds(step.at))]
            for step in sorted(steps, key=lambda step: (step.at, step.is_late, step.id)):
                for tally in runs.add(step):
                    yield session_of(team, tally)
        for tally in runs.finish():
            yield session_of(team, tally)

    async def _steps(self, team: str, window: Window) -> list[Step]:
        """Read the calls of a window by their ids, which sort as time does."""
        low, high = _id_at(window.start), _id_at(window.end)
        steps = []
        for month in months_of(window):
            costs: dict[str, int] = {}
            for prefix in _ENTRIES:
                async for body in self._between(team, month, f"{prefix}{low}", f"{prefix}{high}"):
                    entry = entry_of(body)
                    event = entry.event or (entry.adjusts or "").removeprefix("led_")
                    costs[event] = costs.get(event, 0) + (entry.cost or 0)
            async for body in self._between(team, month, low, high):
                steps.append(step_of(newest_usage_event(body), costs.get(str(body["id"]), 0)))
        return [step for step in steps if step is not None]

    async def _late(self, team: str, window: Window) -> list[Step]:
        """Read what became known later, whose ids say nothing of the time: there is little of it."""
        steps = []
        for month in months_of(window):
            async for body in self._between(team, month, _LATE, f"{_LATE}~"):
                if window.holds(datetime.fromisoformat(str(body["started_at"])).astimezone(UTC)):
                    at = datetime.fromisoformat(str(body["started_at"]))
                    entry = await self.ledger.entry(team, at, f"led_{body['id']}")
                    steps.append(step_of(newest_usage_event(body), (entry.cost or 0) if entry else 0))
        return [step for step in steps if step is not None]

    async def _award(self, team: str) -> int:
        """Give out badges by the days of the last weeks. Who was the first of a team is decided once."""
        now = self.clock.now()
        today = day_of(now, ZoneInfo(self.time_zone))
        days = await self.store.days(team, monday_of(today) - timedelta(weeks=WEEKS - 1), today)
        had = {(each.user, each.badge) for each in await self.store.achievements(team)}
        has_first = any(badge == "first_mover" for _, badge in had)
        new = [
            each
            for each in dict.fromkeys(earned(days, today))
            if each not in had and not (has_first and each[1] == "first_mover")
        ]
        return sum([await self.store.award(team, Achievement(user, badge, now)) for user, badge in new])

    async def _between(self, team: str, month: str, low: str, high: str) -> AsyncIterator[Json]:
        where = [Condition("id", ">=", low), Condition("id", "<", high)]
        for volume in await self.ledger.volumes(team, month):
            cursor: str | None = ""
            while cursor is not None:
                found = await self.documents.query(
                    CONTAINER, f"{volume}|{month}", where, limit=_PAGE, cursor=cursor or None
                )
                for document in found.documents:
                    yield document.body
                cursor = found.cursor


def _id_at(at: datetime) -> str:
    """Return what the ids of calls begin with from a moment on."""
    return new_id(_EVENTS, at)[: len(_EVENTS) + 11]


def _slices(window: Window, count: int) -> Iterator[Window]:
    """Divide a day so that no part holds much more than fits into memory, if its calls are spread as usual."""
    parts = min(1 + count // SLICE, 288)
    length = (window.end - window.start) / parts
    for number in range(parts):
        end = window.end if number == parts - 1 else window.start + length * (number + 1)
        yield Window(f"{window.id}-{number}", window.start + length * number, end)
