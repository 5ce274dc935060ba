"""What a budget is as arithmetic: its period, the allowance that guards it, and what follows from what is spent."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from shared.directory.model import Budget, Mode, Threshold
from shared.leases.model import Allowance, Level
from shared.money import amount, nano
from shared.windows import CalendarPeriod, Window

_SEVERITY = ("alert", "throttle", "downshift", "block")
_SETTLING_IN = timedelta(hours=1)


def rule_of(budget: Budget) -> CalendarPeriod:
    return CalendarPeriod(budget.period, budget.time_zone, budget.fiscal_year_start)


def ceiling_of(budget: Budget) -> int | None:
    """Return the nano-units beyond which calls are refused; None where none is."""
    blocking = [threshold.percent for threshold in budget.thresholds if threshold.action == "block"]
    if budget.mode is not Mode.ENFORCE or not blocking:
        return None
    return nano(budget.amount) * min(blocking) // 100


def allowance_of(budget: Budget) -> Allowance:
    return Allowance(f"budget:{budget.id}", ceiling_of(budget), rule_of(budget))


@dataclass(frozen=True, slots=True)
class Consequence:
    """What calls have to bear at this level. In shadow mode that is nothing, and `shadow` says what it would have been."""

    requests_per_minute: int | None = None
    downshift: str | None = None
    is_blocked: bool = False
    shadow: "Consequence | None" = None

    @property
    def would_block(self) -> bool:
        return self.shadow is not None and self.shadow.is_blocked


NOTHING = Consequence()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a budget stands. `spent` is in nano-units, `percent` is rounded down, and of nothing everything is spent."""

    spent: int
    percent: int
    reached: tuple[Threshold, ...]
    consequence: Consequence


@dataclass(frozen=True, slots=True)
class Ladder:
    """A budget's thresholds in the order in which they are reached, prepared for being asked at every call.

    `marks` are the nano-units at which each is reached, and `consequences[n]` is what follows once n are.
    """

    thresholds: tuple[Threshold, ...]
    marks: tuple[int, ...]
    consequences: tuple[Consequence, ...]

    def reached(self, spent: int) -> tuple[Threshold, ...]:
        return self.thresholds[: bisect_right(self.marks, spent)]

    def consequence(self, spent: int) -> Consequence:
        return self.consequences[bisect_right(self.marks, spent)]


def ladder_of(budget: Budget) -> Ladder:
    thresholds = () if budget.mode is Mode.OFF else tuple(sorted(budget.thresholds, key=_rank))
    total = nano(budget.amount)
    return Ladder(
        thresholds,
        tuple(-(-total * threshold.percent // 100) for threshold in thresholds),
        tuple(_consequence_of(thresholds[:count], budget.mode) for count in range(len(thresholds) + 1)),
    )


def standing_of(budget: Budget, level: Level) -> Standing:
    ladder, total = ladder_of(budget), nano(budget.amount)
    percent = level.used * 100 // total if total else 100
    return Standing(level.used, percent, ladder.reached(level.used), ladder.consequence(level.used))


@dataclass(frozen=True, slots=True)
class Alert:
    """A threshold was reached. Its id is the same for everybody who sees that, however the amount changes meanwhile."""

    budget: str
    scope: str
    team: str | None
    window: Window
    percent: int
    action: str
    amount: Decimal
    spent: Decimal
    at: datetime
    mode: Mode

    @property
    def id(self) -> str:
        return f"{self.budget}|{self.window.id}|{self.percent}|{self.action}"


@dataclass(frozen=True, slots=True)
class Reached:
    """A threshold, and whether it is reached."""

    threshold: Threshold
    is_reached: bool


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """A budget's period as it is shown. `reserved` is what instances hold for calls to come and under way, and not spent yet.

    `projected` is what is spent at the end if it goes on as until now; None in the first hour.
    """

    amount: Decimal
    spent: Decimal
    reserved: Decimal
    remaining: Decimal
    percent: int
    window: Window
    thresholds: tuple[Reached, ...]
    consequence: Consequence
    projected: Decimal | None


def status_of(budget: Budget, level: Level, window: Window, now: datetime) -> BudgetStatus:
    standing = standing_of(budget, level)
    total = nano(budget.amount)
    return BudgetStatus(
        amount=amount(total),
        spent=amount(standing.spent),
        reserved=amount(level.leased),
        remaining=amount(max(0, total - standing.spent)),
        percent=standing.percent,
        window=window,
        thresholds=tuple(Reached(each, each in standing.reached) for each in sorted(budget.thresholds, key=_rank)),
        consequence=standing.consequence,
        projected=_projection(standing.spent, window, now),
    )


def _projection(spent: int, window: Window, now: datetime) -> Decimal | None:
    elapsed = min(now, window.end) - window.start
    if elapsed < _SETTLING_IN:
        return None
    instant = timedelta.resolution
    return amount(spent * ((window.end - window.start) // instant) // (elapsed // instant))


def _rank(threshold: Threshold) -> tuple[int, int]:
    return threshold.percent, _SEVERITY.index(threshold.action)


def _consequence_of(reached: tuple[Threshold, ...], mode: Mode) -> Consequence:
    rates = [threshold.requests_per_minute for threshold in reached if threshold.requests_per_minute is not None]
    models = [threshold.model for threshold in reached if threshold.model is not None]
    consequence = Consequence(
        requests_per_minute=min(rates, default=None),
        downshift=models[-1] if models else None,
        is_blocked=any(threshold.action == "block" for threshold in reached),
    )
    return Consequence(shadow=consequence) if mode is Mode.SHADOW and consequence != NOTHING else consequence
