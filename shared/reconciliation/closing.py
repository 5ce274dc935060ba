"""Closes reporting months: what is late is an adjustment from then on, and what the month was closed with stays readable.

open → closing → (a minute later, every partition proved) → closed. Every step can be repeated, and by several instances at once.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import GatewayError
from shared.ledger.model import Entry, months_of
from shared.reconciliation.model import Finding, FiscalMonth, Period, Problem, Snapshot, State, TeamSnapshot
from shared.reconciliation.months import Calendar
from shared.reconciliation.periods import PeriodChanged, PeriodStore, Saved
from shared.reconciliation.ports import Ledger
from shared.reconciliation.service import ReconciliationService
from shared.reconciliation.snapshots import SnapshotUnsettled, amounts_of, month_snapshot, take
from shared.windows import Window

GRACE = timedelta(seconds=60)
"""Until then every instance has heard that the month is locked, and what it was posting as usage is posted."""

NAMED = 20
"""Blockers that are named; there may be one for every team."""

_LOOKS_BACK = 12


class MonthNotOver(GatewayError):
    status, code, type = 409, "month_not_over", "invalid_request_error"


class ClosingService:
    """`close_after_days` None: months are closed by people only. Every method raises StoreUnavailable."""

    def __init__(
        self,
        periods: PeriodStore,
        reconciliation: ReconciliationService,
        ledger: Ledger,
        clock: Clock,
        calendar: Calendar,
        close_after_days: int | None = None,
    ) -> None:
        self._periods, self._reconciliation, self._ledger = periods, reconciliation, ledger
        self._clock, self._calendar = clock, calendar
        self._after = None if close_after_days is None else timedelta(days=close_after_days)

    def fiscal_label(self, at: datetime) -> str:
        return self._calendar.at(at).label

    async def state(self, month: str) -> str:
        """Return open, closing or closed. Raises MonthInvalid."""
        return (await self.period(month)).state.value

    async def period(self, month: str) -> Period:
        """Raises MonthInvalid."""
        return (await self._periods.read(self._calendar.month(month))).period

    async def is_closed(self, window: Window) -> bool:
        """Whether every moment of a window belongs to a closed month."""
        reached = window.start
        async for period in self._periods.all():
            if period.state is State.CLOSED and period.month.window.holds(reached):
                reached = period.month.window.end
        return reached >= window.end

    async def close(self, month: str, by: str, *, accept_unpriced: bool = False) -> Period:
        """Lock a month; `advance` closes it. What is closing or closed stays so, but that unpriced usage may be accepted later.

        Raises MonthInvalid, and MonthNotOver for one that still goes on.
        """
        found = self._calendar.month(month)
        while True:
            saved = await self._periods.read(found)
            period, now = saved.period, self._clock.now()
            if now < period.month.window.end:
                raise MonthNotOver(f"{month} is not over: it ends at {period.month.window.end.isoformat()}.")
            accepts = accept_unpriced or period.accepts_unpriced
            if period.state is State.CLOSED or (period.is_locked and accepts == period.accepts_unpriced):
                return period
            started = (by, now) if not period.is_locked else (period.closing_by or by, period.closing_at or now)
            try:
                return (await self._periods.save(period.closing(*started, accepts_unpriced=accepts), saved.etag)).period
            except PeriodChanged:
                continue

    async def tend(self, budget_s: float) -> list[Period]:
        """Begin to close what is due, move on what is closing, and return the months that were closed by that."""
        deadline = self._clock.monotonic() + budget_s
        for month in await self._due():
            await self.close(month, "schedule")
        under_way = [period.month.id async for period in self._periods.all() if period.state is State.CLOSING]
        advanced = [await self.advance(month, deadline) for month in under_way]
        return [period for period in advanced if period.state is State.CLOSED]

    async def advance(self, month: str, deadline: float = float("inf")) -> Period:
        """Take a closing month as far as it goes now; what it waits for then stands in its blockers."""
        saved = await self._periods.read(self._calendar.month(month))
        period = saved.period
        if period.state is not State.CLOSING or self._clock.now() < (period.closing_at or self._clock.now()) + GRACE:
            return period
        blockers = await self._blockers(period, deadline)
        try:
            return (await self._finish(saved, blockers)).period
        except PeriodChanged:
            return (await self._periods.read(period.month)).period

    async def blocked(self) -> AsyncIterator[Period]:
        """Yield the months that are closing and wait for something."""
        async for period in self._periods.all():
            if period.state is State.CLOSING and period.blockers:
                yield period

    async def adjustments_since_close(self, month: str) -> AsyncIterator[Entry]:
        """Yield what was posted to a closed month after its snapshot, a team after the other. Of an open month that is nothing."""
        period = await self.period(month)
        if period.state is not State.CLOSED:
            return
        snapshots = {snapshot.team: snapshot async for snapshot in self._periods.snapshots(month)}
        for team in await self._teams(period.month):
            snapshot = snapshots.get(team)
            if snapshot is None or await self._has_moved(snapshot):
                async for entry in self._ledger.entries(period.month.window, [team]):
                    if entry.posting > _covered(snapshot, entry):
                        yield entry

    async def closed_with(self, month: str) -> AsyncIterator[TeamSnapshot]:
        """Yield the teams' parts of what a month was closed with; nothing as long as it is not closed. Raises MonthInvalid."""
        if (await self.period(month)).state is State.CLOSED:
            async for snapshot in self._periods.snapshots(month):
                yield snapshot

    async def _due(self) -> list[str]:
        """Months that ended so long ago that they are closed by themselves, if there is anything in them; the oldest first."""
        if self._after is None:
            return []
        due: list[str] = []
        month = self._calendar.at(self._clock.now() - self._after)
        for _ in range(_LOOKS_BACK):
            month = self._calendar.before(month)
            saved = await self._periods.read(month)
            if saved.etag is None and await self._teams(month):
                due.append(month.id)
        return due[::-1]

    async def _teams(self, month: FiscalMonth) -> list[str]:
        found = [await self._ledger.teams(name) for name in months_of(month.window)]
        return sorted({team for teams in found for team in teams})

    async def _blockers(self, period: Period, deadline: float) -> list[str]:
        """Prove and keep each team's part that is not kept yet, and return what stands in the way."""
        zone = await self._reconciliation.zone.state()
        if not zone.is_settled:
            return [f"the ledger is being counted anew: the reporting time zone has become {zone.time_zone}"]
        blockers: list[str] = []
        for team in await self._teams(period.month):
            if await self._periods.snapshot(period.month.id, team) is not None:
                continue
            if self._clock.monotonic() >= deadline:
                return [*blockers, "not every team could be looked at yet"]
            blockers += await self._keep(team, period, deadline)
        return blockers

    async def _keep(self, team: str, period: Period, deadline: float) -> list[str]:
        month = period.month
        partitions = [
            (each, name) for name in months_of(month.window) for each in await self._ledger.volumes(team, name)
        ]
        findings: list[Finding] = []
        for volume, name in partitions:
            finding = await self._proved(volume, name, period)
            if finding is None and findings and self._clock.monotonic() >= deadline:
                return [f"{team}: not every volume could be looked at yet"]
            findings.append(finding or await self._reconciliation.reconcile(volume, name))
        if unproved := [finding for finding in findings if not finding.is_settled_in(month.window)]:
            return [_unproved(unproved)]
        without_event = sum(finding.count(Problem.ENTRY_WITHOUT_EVENT) for finding in findings)
        try:
            snapshot = await take(self._ledger, self._clock, team, month, self._calendar.time_zone, without_event)
        except SnapshotUnsettled:
            return [f"{team}: the ledger changes at the moment"]
        unpriced = amounts_of([snapshot], "unpriced")
        if unpriced and not period.accepts_unpriced:
            return [f"{team}: {unpriced} requests have no price"]
        await self._periods.keep_snapshot(month.id, snapshot)
        return []

    async def _proved(self, volume: str, month: str, period: Period) -> Finding | None:
        """Return what was found of a full volume since the month is locked, if it still stands: many volumes take more than one run."""
        found, head = (
            await self._reconciliation.results.find(volume, month),
            await self._ledger.volume_head(volume, month),
        )
        if found is None or found.is_busy or not found.is_settled_in(period.month.window):
            return None
        is_since = found.at >= (period.closing_at or found.at) + GRACE
        return found if is_since and head.is_full and head.digest == found.digest else None

    async def _finish(self, saved: Saved, blockers: list[str]) -> Saved:
        period = saved.period
        if not blockers:
            snapshot = await self._whole(period)
            return await self._periods.save(period.closed(snapshot, self._clock.now()), saved.etag)
        named = (*blockers[:NAMED], *([f"and {len(blockers) - NAMED} more"] if len(blockers) > NAMED else []))
        return saved if named == period.blockers else await self._periods.save(period.blocked(named), saved.etag)

    async def _whole(self, period: Period) -> Snapshot:
        return month_snapshot([snapshot async for snapshot in self._periods.snapshots(period.month.id)])

    async def _has_moved(self, snapshot: TeamSnapshot) -> bool:
        for month, (sequence, _) in snapshot.heads.items():
            if (await self._ledger.head(snapshot.team, month)).sequence != sequence:
                return True
        return False


def _unproved(findings: Sequence[Finding]) -> str:
    names = " and ".join(dict.fromkeys(finding.month for finding in findings))
    is_too_large = any(finding.is_too_large for finding in findings)
    return f"{findings[0].team}: the ledger of {names} is {'too large to prove in one run' if is_too_large else 'not proved'}"


def _covered(snapshot: TeamSnapshot | None, entry: Entry) -> int:
    """Return the last posting to the entry's partition that the snapshot knows of."""
    month = entry.partition.rpartition("|")[2]
    return snapshot.heads.get(month, (0, ""))[0] if snapshot else 0
