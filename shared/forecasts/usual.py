"""What an hour usually costs, and whether one was out of the ordinary: robust statistics by hour of the week.

Spending is compared by its logarithm, because it varies in proportion: three times as much on Monday morning and three times as
much on Sunday night are equally strange. Amounts are whole nano-units; only ratios are floats.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from statistics import median
from zoneinfo import ZoneInfo

from shared.forecasts.model import quantile

HISTORY = timedelta(weeks=5)
_BY_WEEK, _BY_DAY = timedelta(weeks=2), timedelta(days=3)
_NORMAL = 1.4826
"""The standard deviation of normally distributed figures is this many times their median absolute deviation."""

_FAR, _LEAST_SPREAD, _ALIKE, _CLEARLY = 4.5, 0.1, 0.99, 0.4
_HIGH, _LOW = 2, 4

type Season = tuple[int, ...]
"""The weekday and the hour on the clock, or the hour alone."""


class Direction(StrEnum):
    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Usual:
    """What the same hour cost before, in nano-units. `by_week`: on the same weekday; else there was history for the hour only."""

    median: int
    lowest: int
    highest: int
    by_week: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """An hour that is out of the ordinary. `difference` is from the usual, in nano-units and never negative."""

    direction: Direction
    spent: int
    usual: Usual

    @property
    def difference(self) -> int:
        return abs(self.spent - self.usual.median)


@dataclass(frozen=True, slots=True)
class Habits:
    """Each hour's earlier costs by season, and how far hours lay from what the others of their season told."""

    zone: ZoneInfo
    by_week: bool
    seasons: Mapping[Season, tuple[int, ...]]
    surprises: Mapping[Season, tuple[float, ...]]
    all_surprises: tuple[float, ...]
    spread: float
    least: int

    def usual(self, hour: datetime) -> Usual | None:
        """None where that hour was never seen before."""
        samples = self.seasons.get(self._season(hour))
        return Usual(_middle(samples), min(samples), max(samples), self.by_week) if samples else None

    def judge(self, hour: datetime, spent: int) -> Verdict | None:
        """Say whether an hour is out of the ordinary.

        It is, if its difference is `least` at least, it is twice as much as usual or a quarter of it, it lies outside of what that
        hour was before, and its logarithm is 4.5 deviations away and clearly further than 99 of 100 hours were.
        """
        usual = self.usual(hour)
        if usual is None or abs(spent - usual.median) < self.least:
            return None
        if not (is_high := spent > usual.highest and spent >= _HIGH * usual.median) and not (
            spent < usual.lowest and spent * _LOW <= usual.median
        ):
            return None
        distance = abs(_surprise(spent, usual.median, self.least))
        if distance < max(_FAR * self._spread(hour), quantile(self.all_surprises, _ALIKE) + _CLEARLY):
            return None
        return Verdict(Direction.HIGH if is_high else Direction.LOW, spent, usual)

    def _spread(self, hour: datetime) -> float:
        """Return the larger deviation of all hours and of this one with its neighbours: five samples alone tell little."""
        near = [
            surprise
            for offset in (-1, 0, 1)
            for surprise in self.surprises.get(self._season(hour + timedelta(hours=offset)), ())
        ]
        return max(self.spread, _deviation(near))

    def _season(self, hour: datetime) -> Season:
        return _season(hour, self.zone, self.by_week)


def habits_of(
    hours: Mapping[datetime, int], first: datetime, end: datetime, time_zone: str, least: int
) -> Habits | None:
    """Learn from the hours `first <= hour < end`, those without spending included; None where there are less than three days.

    `hours` are nano-units by the hour's beginning in UTC. `least` is the smallest difference that matters, in nano-units.
    """
    if end - first < _BY_DAY:
        return None
    zone, by_week = ZoneInfo(time_zone), end - first >= _BY_WEEK
    seasons: dict[Season, list[int]] = {}
    hour = first
    while hour < end:
        seasons.setdefault(_season(hour, zone, by_week), []).append(hours.get(hour, 0))
        hour += timedelta(hours=1)
    surprises = {season: _surprises(samples, least) for season, samples in seasons.items()}
    everything = sorted(surprise for each in surprises.values() for surprise in each)
    # Hours in which next to nothing is spent look calm, whatever the team is like at work.
    busy = [surprise for season, each in surprises.items() if _middle(seasons[season]) >= least for surprise in each]
    known = {season: tuple(samples) for season, samples in seasons.items()}
    spread = max(_LEAST_SPREAD, _deviation(everything), _deviation(busy))
    return Habits(zone, by_week, known, surprises, tuple(everything) or (0.0,), spread, least)


def _deviation(surprises: Sequence[float]) -> float:
    return _NORMAL * median(surprises) if surprises else 0.0


def _surprises(samples: Sequence[int], least: int) -> tuple[float, ...]:
    """Return how far each sample lies from the median of the others of its hour."""
    if len(samples) < 2:
        return ()
    others = (_middle([*samples[:place], *samples[place + 1 :]]) for place in range(len(samples)))
    return tuple(abs(_surprise(sample, middle, least)) for sample, middle in zip(samples, others, strict=True))


def _surprise(spent: int, usual: int, least: int) -> float:
    """Return the logarithm of the ratio; what matters little is added to both, so that cents do not look like multiples."""
    return math.log(max(0, spent) + least) - math.log(max(0, usual) + least)


def _middle(samples: Sequence[int]) -> int:
    ordered = sorted(samples)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) // 2


def _season(hour: datetime, zone: ZoneInfo, by_week: bool) -> Season:
    """An hour that the clock shows twice is the same hour, and one that it skips has no sample."""
    local = hour.astimezone(UTC).astimezone(zone)
    return (local.weekday(), local.hour) if by_week else (local.hour,)
