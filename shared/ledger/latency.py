"""Histograms of milliseconds that can be added up: four bins to each doubling, so that a quantile is at most a quarter too high."""

import math

from shared.ledger.model import Sums

MOST_MS = 2**40


def bin_of(milliseconds: int) -> int:
    """Return the bin of a time: 0 to 7 have one each, then 8 and 9 share one, 10 and 11 the next, 16 to 19 another …"""
    time = min(max(milliseconds, 0), MOST_MS)
    doublings = max(time.bit_length() - 3, 0)
    return 4 * doublings + (time >> doublings)


def upper_bound(bin: int) -> int:
    """Return the longest time of a bin."""
    doublings = max(bin // 4 - 1, 0)
    return ((bin - 4 * doublings + 1) << doublings) - 1


def quantile(sums: Sums, name: str, share: float) -> int | None:
    """Return a time in milliseconds that at least `share` of those counted under `<name>.<bin>` do not exceed; None of none."""
    prefix = f"{name}."
    bins = sorted((int(key.removeprefix(prefix)), count) for key, count in sums.items() if key.startswith(prefix))
    left = math.ceil(share * sum(count for _, count in bins))
    for bin, count in bins:
        left -= count
        if left <= 0:
            return upper_bound(bin)
    return None
