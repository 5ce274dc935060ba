"""Moves the closing of reporting months on, begins what is due, and tells when a month is closed or cannot be."""

from collections.abc import Iterable
from typing import Protocol

from shared.alerts.model import Notice
from shared.clock import Clock
from shared.money import amount, text_of
from shared.reconciliation.closing import ClosingService
from shared.reconciliation.model import Period

BUDGET_S = 240.0
"""Less than the five minutes between two ticks."""


class NoticeBoard(Protocol):
    async def raise_(self, notices: Iterable[Notice]) -> int: ...


async def close_periods(closing: ClosingService, notices: NoticeBoard, clock: Clock) -> list[Period]:
    """Return the months that were closed. Raises StoreUnavailable; then the next tick goes on."""
    closed = await closing.tend(BUDGET_S)
    await notices.raise_([_closed(period, clock) for period in closed])
    blocked = [period async for period in closing.blocked()]
    await notices.raise_([_blocked(period, clock) for period in blocked])
    return closed


def _closed(period: Period, clock: Clock) -> Notice:
    snapshot = period.snapshot
    assert snapshot is not None
    facts = [(f"Cost in {currency}", text_of(amount(cost))) for currency, cost in sorted(snapshot.cost.items())]
    facts += [("Requests", str(snapshot.requests)), ("Teams", str(snapshot.teams))]
    facts += [("Not settled yet", str(snapshot.pending))] if snapshot.pending else []
    facts += [("Without a price", str(snapshot.unpriced))] if snapshot.unpriced else []
    facts += [("Without their event", str(snapshot.without_event))] if snapshot.without_event else []
    text = f"What is posted to {period.month.id} from now on is an adjustment."
    return Notice(
        id=f"period|{period.month.id}|closed",
        kind="period",
        severity="info",
        title=f"{period.month.id} ({period.month.label}) is closed",
        text=text,
        at=clock.now(),
        facts=tuple(facts),
    )


def _blocked(period: Period, clock: Clock) -> Notice:
    now = clock.now()
    return Notice(
        id=f"period|{period.month.id}|blocked|{now:%Y-%m-%d}",
        kind="period",
        severity="warning",
        title=f"{period.month.id} ({period.month.label}) cannot be closed yet",
        text="\n".join(period.blockers),
        at=now,
    )
