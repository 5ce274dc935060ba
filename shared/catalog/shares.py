"""Divides whole amounts without a rest: what the shares add up to is what was divided."""

from collections.abc import Sequence


def divided(total: int, weights: Sequence[int]) -> list[int]:
    """Return shares of `total` in proportion to weights, none of which is negative.

    Each share is rounded down; what is left goes, one unit each, to the largest rests, and of equal ones to the earlier (the
    largest remainder method, after Hamilton). No share is further than one unit from the exact one. Raises ValueError where there
    is something to divide and nothing to divide it by.
    """
    whole = sum(weights)
    if not whole:
        if total:
            raise ValueError("nothing to divide by")
        return [0 for _ in weights]
    shares, rests = [], []
    for weight in weights:
        share, rest = divmod(total * weight, whole)
        shares.append(share)
        rests.append(rest)
    left = total - sum(shares)
    for index in sorted(range(len(rests)), key=lambda index: -rests[index])[:left]:
        shares[index] += 1
    return shares
