"""Where the entries of a window stand: the ids of usage begin with the time, so that a short window need not read the whole month."""

from datetime import timedelta

from shared.ids import new_id
from shared.ledger.documents import ADJUSTMENT, ALLOCATION, USAGE
from shared.windows import Window

type Range = tuple[str, str]
"""Ids with `low <= id < high`."""

_CALLS = f"{USAGE}req_"
_FIRST, _LAST = f"{_CALLS}01D", f"{_CALLS}02"
"""Ids of calls between these are made of times from 2018 to 2039; what stands around them is read whatever it is."""

_MARGIN = timedelta(hours=2)
"""The id is made when a call arrives, and so is the time of its use: they differ by what two clocks may."""

_DIGITS_OF_TIME = 10


def ranges_of(window: Window | None) -> list[Range]:
    """Return the ranges, in the order of ids, in which every entry of a window stands; None: of all time."""
    usage = [(USAGE, _after(USAGE))]
    if window is not None:
        low = max(_FIRST, _id_at(window, -_MARGIN))
        high = min(_LAST, _id_at(window, window.end - window.start + _MARGIN))
        usage = [(USAGE, _FIRST), *([(low, high)] if low < high else []), (_LAST, _after(USAGE))]
    return [(ADJUSTMENT, _after(ADJUSTMENT)), *usage, (ALLOCATION, _after(ALLOCATION))]


def _id_at(window: Window, after: timedelta) -> str:
    """Return what the ids of calls begin with that arrive so long after the beginning of a window."""
    return new_id(f"{USAGE}req", window.start + after)[: len(_CALLS) + _DIGITS_OF_TIME]


def _after(prefix: str) -> str:
    return prefix + "~"
