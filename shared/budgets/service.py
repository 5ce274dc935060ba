"""Watches how budgets are spent: raises each alert once, and says what calls have to bear."""

import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.budgets.model import Alert, BudgetStatus, Consequence, Ladder, ladder_of, rule_of, status_of
from shared.budgets.store import AlertStore
from shared.clock import Clock
from shared.directory.model import Budget, Threshold
from shared.documents import StoreUnavailable
from shared.leases.model import Level
from shared.money import amount
from shared.recent import Recent
from shared.windows import Window

REMEMBERED = 50_000
_log = logging.getLogger("tollgate.budgets")

_AlertKey = tuple[str, str, int, str]


@dataclass(slots=True)
class _Watched:
    """A budget as it was last seen, in the period of that time."""

    budget: Budget
    ladder: Ladder
    window: Window


class BudgetService:
    """Everything but storing an alert happens in memory, so that it can be asked at every call."""

    def __init__(
        self,
        alerts: AlertStore,
        clock: Clock,
        spawn: Callable[[Coroutine[object, object, None]], None],
        tell: Callable[[Alert], None] = lambda alert: None,
    ) -> None:
        """`tell` hears of every alert that is raised, once."""
        self._alerts, self._tell = alerts, tell
        self._clock = clock
        self._spawn = spawn
        self._watched: Recent[str, _Watched] = Recent(REMEMBERED)
        self._raised: Recent[_AlertKey, None] = Recent(REMEMBERED)

    def notice(self, budget: Budget, team: str | None, level: Level) -> None:
        """Take note of a level that was seen, and raise in the background the alerts that it calls for."""
        watched = self._watch(budget)
        if reached := watched.ladder.reached(level.used):
            self._raise_all(reached, watched, team, level)

    def notice_refusal(self, budget: Budget, team: str | None, level: Level) -> None:
        """Take note of a call that the budget refused, and raise the alert of what blocks.

        Calls are refused when what is left is too little for them, so spending hardly ever reaches that threshold itself.
        """
        watched = self._watch(budget)
        blocking = (threshold for threshold in watched.ladder.thresholds if threshold.action == "block")
        if lowest := next(blocking, None):
            self._raise_all((lowest,), watched, team, level)

    def consequence(self, budget: Budget, level: Level, now: datetime) -> Consequence:
        """Say what calls have to bear; of a period that is over, nothing counts any more."""
        is_over = level.resets_at is not None and level.resets_at <= now
        return self._watch(budget).ladder.consequence(0 if is_over else level.used)

    def status(self, budget: Budget, level: Level, window: Window, now: datetime) -> BudgetStatus:
        return status_of(budget, level, window, now)

    def _watch(self, budget: Budget) -> _Watched:
        watched = self._watched.get(budget.id)
        if watched is None or watched.budget is not budget:
            watched = _Watched(budget, ladder_of(budget), rule_of(budget).at(self._clock.now()))
            self._watched.remember(budget.id, watched)
        return watched

    def _raise_all(self, reached: Iterable[Threshold], watched: _Watched, team: str | None, level: Level) -> None:
        window = self._window(watched, level)
        for threshold in reached:
            key = (watched.budget.id, window.id, threshold.percent, threshold.action)
            if key not in self._raised:
                self._raised.remember(key, None)
                self._spawn(self._raise(key, self._alert(watched.budget, threshold, window, team, level)))

    def _window(self, watched: _Watched, level: Level) -> Window:
        """Return the period that the level is of, which may have ended meanwhile."""
        moment = level.resets_at - timedelta.resolution if level.resets_at else self._clock.now()
        if not watched.window.holds(moment):
            watched.window = rule_of(watched.budget).at(moment)
        return watched.window

    def _alert(self, budget: Budget, threshold: Threshold, window: Window, team: str | None, level: Level) -> Alert:
        return Alert(
            budget=budget.id,
            scope=budget.scope,
            team=team,
            window=window,
            percent=threshold.percent,
            action=threshold.action,
            amount=budget.amount,
            spent=amount(level.used),
            at=self._clock.now(),
            mode=budget.mode,
        )

    async def _raise(self, key: _AlertKey, alert: Alert) -> None:
        try:
            is_new = await self._alerts.raise_once(alert)
        except StoreUnavailable:
            self._raised.pop(key, None)
            return
        if is_new:
            self._tell(alert)
            _log.warning(
                "budget %s in %s: alert of the threshold at %d %% (%s, %s)",
                *(alert.budget, alert.window.id, alert.percent, alert.action, alert.mode.value),
            )
