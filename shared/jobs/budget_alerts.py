"""Makes a notice of every alert that budgets have raised, once for each threshold and period, with a forecast of the period's end."""

from collections import Counter
from collections.abc import AsyncIterator, Collection
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from shared.alerts.budgets import notice_of
from shared.alerts.model import AlertingConfig, Notice
from shared.alerts.service import NoticeBoard
from shared.alerts.store import CONTAINER, stamp
from shared.budgets.model import Alert
from shared.budgets.store import AlertStore
from shared.clock import Clock
from shared.directory.model import ORGANIZATION, Budget, Level
from shared.directory.service import DirectoryUnavailable
from shared.documents import DocumentStore
from shared.forecasts.model import FIT_DAYS, Forecast, forecast
from shared.jobs.counted_ledger import CountedLedger
from shared.ledger.model import Cell, EntryType, Grain, View
from shared.reconciliation.model import BooksRecounted
from shared.runtime import Runtime
from shared.windows import Window

JOBS = "jobs"
_STATE = "budget_alerts"
FIRST_LOOK = timedelta(hours=1)
"""How old an alert may be that is told when this runs for the first time."""

OVERLAP = timedelta(minutes=10)
"""An alert is stored a little after its time; looking back as far as this misses none, and telling it again does nothing."""


class Chains(Protocol):
    async def chain(self, scope: str) -> tuple[Level, ...]: ...


class Cells(Protocol):
    def cells(
        self, view: View, grain: Grain, window: Window, teams: Collection[str] | None = None
    ) -> AsyncIterator[Cell]: ...


class BudgetAlerts:
    """Raises StoreUnavailable; the next tick then begins where this one did."""

    def __init__(
        self,
        documents: DocumentStore,
        alerts: AlertStore,
        board: NoticeBoard,
        clock: Clock,
        *,
        directory: Chains | None = None,
        ledger: Cells | None = None,
        time_zone: str = "UTC",
        config: AlertingConfig | None = None,
    ) -> None:
        """`time_zone` is that of the ledger's days. Without a directory or a ledger, notices have no zone or no forecast."""
        self._documents, self._alerts, self._board, self._clock = documents, alerts, board, clock
        self._directory, self._ledger, self._zone = directory, ledger, ZoneInfo(time_zone)
        self._link = config.console if config is not None else None

    async def run(self) -> int:
        """Raise what is new, and return how many notices that was."""
        now = self._clock.now()
        alerts = await self._since(await self._position(now) - OVERLAP)
        raised = 0
        for alert in reversed(alerts):
            raised += await self._board.raise_([await self._notice(alert)])
        await self._documents.upsert(CONTAINER, JOBS, {"schema": 1, "id": _STATE, "at": stamp(now)})
        return raised

    async def _position(self, now: datetime) -> datetime:
        document = await self._documents.get(CONTAINER, JOBS, _STATE)
        return now - FIRST_LOOK if document is None else datetime.fromisoformat(str(document.body["at"]))

    async def _since(self, since: datetime) -> list[Alert]:
        """Return alerts from then on, newest first."""
        found: list[Alert] = []
        cursor = None
        while True:
            alerts, cursor = await self._alerts.page(cursor=cursor)
            newer = [alert for alert in alerts if alert.at >= since]
            found += newer
            if len(newer) < len(alerts) or cursor is None:
                return found

    async def _notice(self, alert: Alert) -> Notice:
        budget = await self._budget(alert)
        expected = await self._expected(alert) if self._is_forecastable(alert, budget) else None
        return notice_of(
            alert, time_zone=budget.time_zone if budget is not None else None, forecast=expected, link=self._link
        )

    async def _budget(self, alert: Alert) -> Budget | None:
        """Return the budget as it is now; a notice without its zone is better than none."""
        if self._directory is None:
            return None
        try:
            levels = await self._directory.chain(alert.scope)
        except DirectoryUnavailable:
            return None
        return next((budget for level in levels for budget in level.budgets if budget.id == alert.budget), None)

    def _is_forecastable(self, alert: Alert, budget: Budget | None) -> bool:
        """Whether the ledger's totals are what the budget counts: those of the organization, an area or a team, by the same days."""
        kind, _, name = alert.scope.partition("/")
        is_total = alert.scope == ORGANIZATION or (kind in ("areas", "teams") and "/" not in name)
        return self._ledger is not None and is_total and budget is not None and budget.time_zone == self._zone.key

    async def _expected(self, alert: Alert) -> Forecast | None:
        """While the books are counted anew there is no forecast; that is no reason to hold back the alert."""
        try:
            return await self._forecast(alert)
        except BooksRecounted:
            return None

    async def _forecast(self, alert: Alert) -> Forecast:
        """Forecast the end of the alert's period from the ledger's days. What corrects is added once: it is no use that goes on."""
        assert self._ledger is not None
        window = Window("", alert.window.start - timedelta(days=FIT_DAYS), alert.at)
        kind, _, name = alert.scope.partition("/")
        days: Counter[date] = Counter()
        corrections: Counter[date] = Counter()
        async for cell in self._ledger.cells(View.TOTAL, Grain.DAY, window, [name] if kind == "teams" else None):
            if kind != "areas" or cell.key.dimensions.area == name:
                is_use = cell.key.dimensions.type is not EntryType.ADJUSTMENT
                (days if is_use else corrections)[_day(cell.key.start, self._zone)] += cell.cost
        period = (_day(alert.window.start, self._zone), _day(alert.window.end, self._zone))
        today = alert.at.astimezone(self._zone).date()
        return forecast(list(days.items()), period, today, list(corrections.items()))


def budget_alerts_of(runtime: Runtime) -> BudgetAlerts:
    """Put the job together from what the process has."""
    return BudgetAlerts(
        runtime.documents,
        runtime.administration.alerts,
        runtime.bookkeeping.notices,
        runtime.clock,
        directory=runtime.directory,
        ledger=CountedLedger(runtime.documents, runtime.clock, runtime.config.finance.time_zone),
        time_zone=runtime.config.finance.time_zone,
        config=runtime.config.alerting,
    )


def _day(start: datetime, zone: ZoneInfo) -> date:
    """Return the day that begins at a moment; by its noon, as midnight itself can show as the evening before."""
    return (start.astimezone(UTC) + timedelta(hours=12)).astimezone(zone).date()
