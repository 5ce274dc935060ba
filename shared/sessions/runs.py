"""Finds runs of calls that belong together, in one pass over a principal's calls in the order of time.

What puts a call into a run: the id of a session that the client sent; else the response that it continues; else that the same
principal called with the same kind of client a little while ago.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.recent import Recent
from shared.sessions.features import Tally
from shared.sessions.model import Step
from shared.windows import Window

IDLE = timedelta(minutes=30)
"""Silence that ends a run which only time holds together, or a cache key: an application may use one for everybody."""

PAUSE = timedelta(hours=4)
"""Silence that ends a run with an id of its own, or a chain of responses: longer than a meeting, shorter than a night."""

TURN_OF_DAY = timedelta(hours=4)
"""Every run ends at four in the morning of the reporting time zone: what never pauses must end somewhere, and hardly anybody is awake."""

MOST_LINKS = 50_000
_WEAK = (None, "prompt_cache_key")


class Runs:
    """Takes calls in the order of time. `add` returns the runs that are over by then, `finish` the rest."""

    def __init__(self, time_zone: str) -> None:
        self._zone = ZoneInfo(time_zone)
        self._open: dict[tuple[str, str], Tally] = {}
        self._links: Recent[str, Tally] = Recent(MOST_LINKS)
        self._swept_at: datetime | None = None

    def add(self, step: Step) -> Iterator[Tally]:
        if step.is_late:
            # What a response in the background has used becomes known long after the call that began it.
            if (
                step.object_id is not None
                and (tally := self._links.get(f"{step.principal}|{step.object_id}")) is not None
            ):
                tally.add_usage(step)
            return
        yield from self._sweep(step.at)
        key, gap = self._place_of(step)
        day = day_of(step.at, self._zone)
        tally = self._open.get(key)
        is_near = tally is not None and step.at - tally.end <= gap
        if tally is None or not is_near or tally.day != day:
            if tally is not None:
                yield tally
            tally = self._open[key] = Tally(step, key, day, gap, continues=is_near)
        tally.add(step, self._zone)
        if step.object_id is not None:
            self._links.remember(f"{step.principal}|{step.object_id}", tally)

    def finish(self) -> Iterator[Tally]:
        yield from self._open.values()
        self._open.clear()

    def _place_of(self, step: Step) -> tuple[tuple[str, str], timedelta]:
        if step.session is not None:
            return (step.principal, f"id:{step.session}"), IDLE if step.source in _WEAK else PAUSE
        if step.previous is not None:
            linked = self._links.get(f"{step.principal}|{step.previous}")
            if linked is not None and self._open.get(linked.key) is linked:
                return linked.key, PAUSE
        return (step.principal, f"idle:{step.agent}"), IDLE

    def _sweep(self, now: datetime) -> Iterator[Tally]:
        """Let go of what is over, now and then: a run that nobody comes back to would stay for ever."""
        if self._swept_at is not None and now - self._swept_at < IDLE:
            return
        self._swept_at = now
        over = [key for key, tally in self._open.items() if now - tally.end > PAUSE]
        for key in over:
            yield self._open.pop(key)


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """Return the working day that a moment belongs to: it lasts from four to four."""
    return (at.astimezone(zone).replace(tzinfo=None) - TURN_OF_DAY).date()


def window_of_day(day: date, time_zone: str) -> Window:
    """Return the working day as a window in UTC."""
    begin = datetime.combine(day, time()) + TURN_OF_DAY
    start, end = (at.replace(tzinfo=ZoneInfo(time_zone)).astimezone(UTC) for at in (begin, begin + timedelta(days=1)))
    return Window(f"day-{day.isoformat()}", start, end)
