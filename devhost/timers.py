"""Fires timer functions by their schedules: one run at a time each, and a run that was missed while the host was down."""

import json
import logging
import os
from datetime import datetime
from pathlib import Path

from devhost import encodings
from devhost.encodings import ScheduleStatus
from devhost.listeners import Run
from devhost.ncrontab import Every, Schedule
from devhost.stopping import StopSignal
from devhost.worker import Function
from shared.clock import Clock

_LONGEST_PAUSE_S = 60.0
_SHORTEST_MONITORED_S = 60

_log = logging.getLogger("devhost.timers")


class ScheduleMonitor:
    """Remembers across restarts when each timer is due, as the host does in its storage account."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def due(self, name: str) -> datetime | None:
        """Return when the timer was to run next, or None where nothing is known."""
        try:
            return datetime.fromisoformat(self._read()[name]["Next"])
        except (KeyError, TypeError, ValueError):
            return None

    def remember(self, name: str, status: ScheduleStatus) -> None:
        known = self._read() | {name: status.as_json()}
        scratch = self._path.with_suffix(".tmp")
        scratch.write_text(json.dumps(known, indent=2))
        os.replace(scratch, self._path)

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            known = json.loads(self._path.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}


class Timer:
    """One timer function. Ticks that pass while it runs are dropped, as on the host."""

    def __init__(
        self, function: Function, schedule: Schedule, run: Run, monitor: ScheduleMonitor | None, clock: Clock
    ) -> None:
        self._function, self._schedule, self._run, self._clock = function, schedule, run, clock
        self._monitor = monitor

    async def listen(self, stop: StopSignal) -> None:
        now = self._clock.now()
        due = self._monitor.due(self._function.name) if self._monitor else None
        status = ScheduleStatus(now, due or self._schedule.next_after(now))
        if status.next < now:
            status = await self._fire(status, is_past_due=True)
        elif self._function.trigger.get("runOnStartup"):
            status = await self._fire(status, is_past_due=False)
        while not stop.is_set:
            await self._wait_until(status.next, stop)
            if not stop.is_set:
                status = await self._fire(status, is_past_due=False)

    async def _wait_until(self, moment: datetime, stop: StopSignal) -> None:
        """Wake up in between: the machine may have slept, and only the wall clock knows."""
        while not stop.is_set and (left := (moment - self._clock.now()).total_seconds()) > 0:
            await stop.pause(min(left, _LONGEST_PAUSE_S))

    async def _fire(self, status: ScheduleStatus, *, is_past_due: bool) -> ScheduleStatus:
        started = self._clock.now()
        _log.info("%s runs%s", self._function.name, ", past due" if is_past_due else "")
        await self._run(self._function, encodings.timer(status if self._monitor else None, is_past_due))
        after = ScheduleStatus(started, self._schedule.next_after(self._clock.now()))
        if self._monitor:
            self._monitor.remember(self._function.name, after)
        return after


def is_monitored(function: Function, schedule: Schedule) -> bool:
    """Short constant intervals are not monitored, nor timers that say so."""
    if isinstance(schedule, Every) and schedule.interval.total_seconds() < _SHORTEST_MONITORED_S:
        return False
    return function.trigger.get("useMonitor") is not False
