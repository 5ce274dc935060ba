"""The arithmetic of the reports: percentiles, medians over rounds, slopes and sparklines."""

import math
from collections.abc import Mapping, Sequence
from statistics import linear_regression, median

PERCENTILES = (50, 95, 99)
_BARS = "▁▂▃▄▅▆▇█"


def percentile(samples: Sequence[float], percent: float) -> float:
    """Return the smallest sample that at least `percent` of all samples do not exceed (nearest rank); NaN of none."""
    if not samples:
        return math.nan
    rank = math.ceil(len(samples) * percent / 100)
    return sorted(samples)[max(rank, 1) - 1]


def percentiles(samples: Sequence[float]) -> dict[str, float]:
    return {f"p{percent}": percentile(samples, percent) for percent in PERCENTILES}


def known(figures: Mapping[str, float]) -> dict[str, float]:
    """Return the figures that were measured."""
    return {name: figure for name, figure in figures.items() if not math.isnan(figure)}


def median_of_rounds(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each figure over the rounds that have it."""
    figures = dict.fromkeys(name for figures in rounds for name in figures)
    return {name: median(measured[name] for measured in rounds if name in measured) for name in figures}


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return how much y grows for each x, by least squares; nothing can be said of fewer than two points."""
    if len(points) < 2:
        return math.nan
    return linear_regression([x for x, _ in points], [y for _, y in points]).slope


def second_half(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    return points[len(points) // 2 :]


def sparkline(values: Sequence[float]) -> str:
    """Draw the values between their own least and greatest."""
    if not values:
        return ""
    low, span = min(values), max(values) - min(values)
    if not span:
        return _BARS[0] * len(values)
    return "".join(_BARS[round((value - low) / span * (len(_BARS) - 1))] for value in values)
