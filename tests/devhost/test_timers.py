import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devhost import ncrontab
from devhost.encodings import Input, ScheduleStatus
from devhost.ncrontab import Every
from devhost.timers import ScheduleMonitor, Timer, is_monitored
from devhost.worker import Outcome
from tests.devhost.fakes import NOON, ClockedStop, HandClock, ScriptedRun, function

EVERY_FIVE_MINUTES = ncrontab.parse("0 */5 * * * *")


class Ticks(ScriptedRun):
    """Notes the time of each run; each takes `lasts_s`."""

    def __init__(self, clock: HandClock, lasts_s: float = 0.0, outcome: Outcome = Outcome()) -> None:  # noqa: B008
        super().__init__(self._tick)
        self._clock, self._lasts_s, self._ends = clock, lasts_s, outcome
        self.at: list[str] = []

    def _tick(self, given: Input) -> Outcome:
        self.at.append(f"{self._clock.now():%H:%M:%S}")
        self._clock.move(self._lasts_s)
        return self._ends

    def values(self) -> list[dict[str, Any]]:
        return [json.loads(given.value.json or "") for given in self.given]


async def listen(
    timer_binding: dict[str, object], monitor: ScheduleMonitor | None, minutes: int, lasts_s: float = 0.0
) -> Ticks:
    clock = HandClock(NOON + timedelta(seconds=1))
    ticks = Ticks(clock, lasts_s)
    timer = Timer(function(**timer_binding), EVERY_FIVE_MINUTES, ticks, monitor, clock)
    await timer.listen(ClockedStop(clock, NOON + timedelta(minutes=minutes, seconds=-1)))
    return ticks


async def test_a_timer_fires_by_its_schedule() -> None:
    assert (await listen({}, None, minutes=16)).at == ["12:05:00", "12:10:00", "12:15:00"]


async def test_a_timer_that_runs_on_startup_fires_at_once() -> None:
    assert (await listen({"runOnStartup": True}, None, minutes=6)).at == ["12:00:01", "12:05:00"]


async def test_ticks_that_pass_while_the_timer_runs_are_dropped() -> None:
    assert (await listen({}, None, minutes=21, lasts_s=400)).at == ["12:05:00", "12:15:00"]


async def test_a_run_that_was_missed_while_the_host_was_down_is_past_due(tmp_path: Path) -> None:
    monitor = ScheduleMonitor(tmp_path / "timers.json")
    monitor.remember("job", ScheduleStatus(NOON - timedelta(minutes=10), NOON - timedelta(minutes=5)))

    ticks = await listen({}, monitor, minutes=6)

    assert ticks.at == ["12:00:01", "12:05:00"]
    assert [value["IsPastDue"] for value in ticks.values()] == [True, False]
    assert ticks.values()[1]["ScheduleStatus"]["Last"] == "2026-03-02T12:00:01+00:00"
    assert ScheduleMonitor(tmp_path / "timers.json").due("job") == datetime.fromisoformat("2026-03-02T12:10:00+00:00")


async def test_a_timer_that_is_not_due_yet_waits_after_a_restart(tmp_path: Path) -> None:
    monitor = ScheduleMonitor(tmp_path / "timers.json")
    monitor.remember("job", ScheduleStatus(NOON, NOON + timedelta(minutes=7)))

    assert (await listen({}, monitor, minutes=8)).at == ["12:07:00"]


async def test_the_wait_is_cut_up_so_that_a_machine_that_slept_notices() -> None:
    clock = HandClock()
    stop = ClockedStop(clock, NOON + timedelta(minutes=4))
    await Timer(function(), EVERY_FIVE_MINUTES, ScriptedRun(), None, clock).listen(stop)

    assert stop.pauses == [60.0] * 4


async def test_a_timer_that_fails_fires_again_at_its_next_time() -> None:
    clock = HandClock()
    ticks = Ticks(clock, outcome=Outcome("ValueError: no"))
    await Timer(function(), EVERY_FIVE_MINUTES, ticks, None, clock).listen(
        ClockedStop(clock, NOON + timedelta(minutes=11))
    )

    assert ticks.at == ["12:05:00", "12:10:00"]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"job": 1}', '{"job": {"Next": "soon"}}', '{"other": {}}'])
def test_a_damaged_memory_of_schedules_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "timers.json").write_text(content)

    assert ScheduleMonitor(tmp_path / "timers.json").due("job") is None


def test_each_timer_keeps_its_own_schedule(tmp_path: Path) -> None:
    monitor = ScheduleMonitor(tmp_path / "timers.json")
    for name in ("one", "two"):
        monitor.remember(name, ScheduleStatus(NOON, NOON))

    assert monitor.due("one") == monitor.due("two") == NOON


def test_short_intervals_and_timers_that_say_so_are_not_monitored() -> None:
    assert is_monitored(function(), EVERY_FIVE_MINUTES)
    assert not is_monitored(function(useMonitor=False), EVERY_FIVE_MINUTES)
    assert not is_monitored(function(), Every(timedelta(seconds=30)))
