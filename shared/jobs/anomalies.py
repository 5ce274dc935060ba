"""Looks at what each team has spent in the hours that have ended, and tells of those that are out of the ordinary.

Each hour is compared with the same hour of the weeks before (shared/forecasts/usual.py).
"""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, cast
from zoneinfo import ZoneInfo

from shared.alerts.budgets import shown
from shared.alerts.model import AlertingConfig, Notice
from shared.alerts.service import NoticeBoard
from shared.alerts.store import CONTAINER, stamp
from shared.clock import Clock
from shared.documents import DocumentStore
from shared.forecasts.usual import HISTORY, Direction, Verdict, habits_of
from shared.jobs.budget_alerts import JOBS
from shared.jobs.counted_ledger import CountedLedger
from shared.ledger.model import Cell, EntryType, Grain, View, start_of
from shared.money import NANO, amount
from shared.runtime import Runtime
from shared.windows import Window

SETTLING = timedelta(minutes=10)
"""How long after its end an hour is looked at: calls are reported when they are over, and wait in a queue."""

CATCH_UP = timedelta(hours=48)
"""Older hours are not looked at: who hears of them so late can do nothing about it."""

WAITS = timedelta(hours=24)
"""How long an hour waits for sums that are being counted anew, before the other teams are looked at without them."""

LEAST = 5 * NANO
"""The smallest difference that is told, in nano-units."""

_STATE = "anomalies"
_HOUR = timedelta(hours=1)
_TOP = 3

type Account = tuple[str, str]
"""A team and a currency."""


class Cells(Protocol):
    def cells(
        self, view: View, grain: Grain, window: Window, teams: Collection[str] | None = None
    ) -> AsyncIterator[Cell]: ...

    async def ready(self, grain: Grain, window: Window) -> frozenset[str] | None:
        """Return the teams whose sums are not being counted anew; None for all."""


@dataclass(slots=True)
class State:
    """Until where hours were looked at, and what was told on which day: by team, currency and direction the largest difference."""

    until: datetime
    told: dict[str, tuple[str, int]]


class Anomalies:
    """Raises StoreUnavailable; the next tick then looks at the same hours again, and tells nothing twice."""

    def __init__(
        self,
        documents: DocumentStore,
        ledger: Cells,
        board: NoticeBoard,
        clock: Clock,
        *,
        time_zone: str = "UTC",
        config: AlertingConfig | None = None,
        least: int = LEAST,
    ) -> None:
        self._documents, self._ledger, self._board, self._clock = documents, ledger, board, clock
        self._time_zone, self._zone, self._least = time_zone, ZoneInfo(time_zone), least
        self._link = config.console if config is not None else None

    async def run(self) -> int:
        """Look at every hour that has ended since the last time, and return how many notices were new."""
        end = start_of(Grain.HOUR, self._clock.now() - SETTLING, self._time_zone)
        state = await self._state(end)
        raised = 0
        while state.until < end:
            ready = await self._ready(state.until)
            if ready is not None and end - state.until < WAITS:
                break
            raised += await self._look(state.until, state, ready)
            state.until = self._after(state.until)
            await self._save(state)
        return raised

    def _after(self, hour: datetime) -> datetime:
        """Return the next hour's beginning; where clocks change by half an hour, hours are cut short."""
        following = start_of(Grain.HOUR, hour + _HOUR, self._time_zone)
        return following if following > hour else hour + _HOUR

    async def _state(self, end: datetime) -> State:
        document = await self._documents.get(CONTAINER, JOBS, _STATE)
        if document is None:
            return State(end - _HOUR, {})
        body = cast("dict[str, Any]", document.body)
        told = {name: (str(day), int(most)) for name, (day, most) in body["told"].items()}
        return State(max(datetime.fromisoformat(body["until"]), end - CATCH_UP), told)

    async def _save(self, state: State) -> None:
        day = self._day(state.until - _HOUR)
        told = {name: [on, most] for name, (on, most) in state.told.items() if on >= day}
        body = {"schema": 1, "id": _STATE, "until": stamp(state.until), "told": told}
        await self._documents.upsert(CONTAINER, JOBS, body)

    async def _ready(self, hour: datetime) -> frozenset[str] | None:
        """Return the teams whose sums of the hour, and of the weeks before, can be relied on: half of them would look unusual."""
        return await self._ledger.ready(Grain.HOUR, Window("", hour - HISTORY, hour + _HOUR))

    async def _look(self, hour: datetime, state: State, teams: Collection[str] | None) -> int:
        spent = await self._hour(hour, teams)
        # A week before, so that whoever has fallen silent is looked at as well.
        before = await self._hour(hour - timedelta(weeks=1), teams)
        worth = [account for account in {**before, **spent} if max(spent[account], before[account]) >= self._least]
        if not worth:
            return 0
        history = await self._history(hour, {team for team, _ in worth})
        notices = []
        for account in sorted(worth):
            verdict = self._judge(hour, spent[account], history.get(account, {}))
            if verdict is not None and self._is_news(account, hour, verdict, state):
                notices.append(await self._notice(account, hour, verdict))
        return await self._board.raise_(notices)

    async def _hour(self, hour: datetime, teams: Collection[str] | None) -> Counter[Account]:
        spent: Counter[Account] = Counter()
        window = Window("", hour, hour + _HOUR)
        async for cell in self._ledger.cells(View.TOTAL, Grain.HOUR, window, teams):
            if _counts(cell) and cell.key.start == hour:
                spent[_account(cell)] += cell.cost
        return spent

    async def _history(self, hour: datetime, teams: Collection[str]) -> Mapping[Account, Counter[datetime]]:
        """Return what these teams spent in each hour of the five weeks before."""
        history: dict[Account, Counter[datetime]] = {}
        async for cell in self._ledger.cells(View.TOTAL, Grain.HOUR, Window("", hour - HISTORY, hour), teams):
            if _counts(cell):
                history.setdefault(_account(cell), Counter())[cell.key.start] += cell.cost
        return history

    def _judge(self, hour: datetime, spent: int, history: Mapping[datetime, int]) -> Verdict | None:
        if not history:
            return None
        habits = habits_of(history, min(history), hour, self._time_zone, self._least)
        return habits.judge(hour, spent) if habits is not None else None

    def _is_news(self, account: Account, hour: datetime, verdict: Verdict, state: State) -> bool:
        """Whether it is the first of its day, or twice what was told of that day."""
        name, day = "|".join((*account, verdict.direction)), self._day(hour)
        on, most = state.told.get(name, ("", 0))
        if on == day and verdict.difference < 2 * most:
            return False
        state.told[name] = (day, verdict.difference)
        return True

    def _day(self, hour: datetime) -> str:
        return hour.astimezone(self._zone).date().isoformat()

    async def _notice(self, account: Account, hour: datetime, verdict: Verdict) -> Notice:
        team, currency = account
        is_high = verdict.direction is Direction.HIGH
        told = f"{team} spent {_money(verdict.spent)} {currency} between {self._between(hour)}. {self._usual(hour, verdict)}"
        top = await self._contributors(account, hour) if is_high else ()
        if top:
            told += f" Most of it went to {top[0][0]}."
        return Notice(
            # By the hour and not by how many came before: looked at again, it is the same notice.
            id=f"anomaly|{team}|{currency}|{hour:%Y-%m-%dT%H:%MZ}|{verdict.direction}",
            kind="anomaly",
            severity="warning" if is_high else "info",
            title=f"{team} spends {'more' if is_high else 'less'} than usual",
            text=told,
            at=self._clock.now(),
            facts=(
                ("Spent", f"{_money(verdict.spent)} {currency}"),
                ("Usual at this hour", f"{_money(verdict.usual.median)} {currency}"),
                ("Range", f"{_money(verdict.usual.lowest)} to {_money(verdict.usual.highest)} {currency}"),
                *((f"Of it {name}", f"{_money(cost)} {currency}") for name, cost in top),
            ),
            team=team,
            scope=f"teams/{team}",
            link=self._link,
        )

    def _between(self, hour: datetime) -> str:
        start, end = hour.astimezone(self._zone), (hour + _HOUR).astimezone(self._zone)
        return f"{start:%H:%M} and {end:%H:%M} on {start:%A %Y-%m-%d} ({self._zone.key})"

    def _usual(self, hour: datetime, verdict: Verdict) -> str:
        usual = verdict.usual
        when = f"at this hour of a {hour.astimezone(self._zone):%A}" if usual.by_week else "at this hour of the day"
        return (
            f"Usual {when} is {_money(usual.median)}; in the weeks before it was between {_money(usual.lowest)} "
            f"and {_money(usual.highest)}."
        )

    async def _contributors(self, account: Account, hour: datetime) -> tuple[tuple[str, int], ...]:
        """Return the models and keys that most of the hour's cost came from."""
        spent: Counter[str] = Counter()
        window = Window("", hour, hour + _HOUR)
        async for cell in self._ledger.cells(View.DETAIL, Grain.HOUR, window, [account[0]]):
            if _counts(cell) and _account(cell) == account and cell.key.start == hour:
                by = cell.key.dimensions
                spent[f"{by.model or 'no model'} with {by.key or 'no key'}"] += cell.cost
        return _largest(spent.items())


def anomalies_of(runtime: Runtime) -> Anomalies:
    """Put the job together from what the process has."""
    return Anomalies(
        runtime.documents,
        CountedLedger(runtime.documents, runtime.clock, runtime.config.finance.time_zone),
        runtime.bookkeeping.notices,
        runtime.clock,
        time_zone=runtime.config.finance.time_zone,
        config=runtime.config.alerting,
    )


def _largest(spent: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    ranked = sorted(((name, cost) for name, cost in spent if cost > 0), key=lambda each: (-each[1], each[0]))
    return tuple(ranked[:_TOP])


def _counts(cell: Cell) -> bool:
    """Shares of capacity that is paid by the hour move with what other teams do."""
    return cell.key.dimensions.type is not EntryType.ALLOCATION


def _account(cell: Cell) -> Account:
    return cell.key.dimensions.team, cell.key.dimensions.currency


def _money(nanos: int) -> str:
    return shown(amount(nanos))
