"""The parameters of OpenAI's usage and costs endpoints, understood as their SDKs send them."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

from shared.errors import BadRequest
from shared.windows import Window

SECONDS = {"1m": 60, "1h": 3600, "1d": 86_400}
_LIMITS = {"1m": (60, 1440), "1h": (24, 168), "1d": (7, 31)}
_COST_LIMITS = (7, 180)
_EARLIEST, _LATEST = 1_577_836_800, 4_102_444_800
"""2020 and 2100: what is outside of them is no time but a mistake, milliseconds for instance."""

_MOST_VALUES, _LONGEST_VALUE, _LONGEST_QUERY = 100, 200, 20_000
_NAME = re.compile(r"([a-z_]{1,40})(?:\[\d{0,3}\])?")
_PAGE = "page_"
_ONCE = ("start_time", "end_time", "bucket_width", "limit", "page", "batch")


@dataclass(frozen=True, slots=True)
class Query:
    """`window` is a page: whole buckets of `width`, the first of them at its start; `next_page` begins the next one.

    `filters` hold the values that may show, by parameter; a parameter that is not there filters nothing.
    """

    width: str
    window: Window
    group_by: tuple[str, ...]
    filters: Mapping[str, frozenset[str]]
    batch: bool | None
    next_page: str | None

    @property
    def seconds(self) -> int:
        return SECONDS[self.width]

    def until(self, end: datetime) -> "Query":
        """Return the same page with fewer buckets; the next one goes on where it ends."""
        return replace(
            self, window=Window("", self.window.start, end), next_page=_PAGE + _encoded(int(end.timestamp()))
        )


@dataclass(frozen=True, slots=True)
class Offer:
    """What one endpoint takes."""

    widths: tuple[str, ...]
    group_by: tuple[str, ...]
    filters: tuple[str, ...]
    takes_batch: bool = False


def parse(raw: str, offer: Offer, now: datetime) -> Query:
    """Raises BadRequest, which names the parameter. What is not offered is refused: a filter that does nothing would be a wrong sum."""
    given = _given(raw)
    once = {name: _single(name, given.pop(name)) for name in _ONCE if name in given}
    group_by = tuple(dict.fromkeys(part for value in given.pop("group_by", []) for part in value.split(",") if part))
    _check_offered(offer, given, group_by, "batch" in once)
    width = once.get("bucket_width", "1d")
    if width not in offer.widths:
        raise BadRequest(f"`bucket_width` must be one of {', '.join(offer.widths)}.", param="bucket_width")
    window, following = _page(once, width, _limit(once.get("limit"), width, offer), now)
    return Query(
        width=width,
        window=window,
        group_by=group_by,
        filters={name: frozenset(values) for name, values in given.items()},
        batch=_truth(once["batch"]) if "batch" in once else None,
        next_page=following,
    )


def _given(raw: str) -> dict[str, list[str]]:
    """Return the values by parameter: lists are sent as `a=1&a=2`, as `a[]=1&a[]=2` or as `a[0]=1&a[1]=2`."""
    if len(raw) > _LONGEST_QUERY:
        raise BadRequest("The query is too long.")
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        known = _NAME.fullmatch(name)
        if known is None:
            raise BadRequest(f"Unknown parameter: '{name[:40]}'.", code="unknown_parameter")
        values = given.setdefault(known[1], [])
        values.append(value[: _LONGEST_VALUE + 1])
        if len(values) > _MOST_VALUES or len(value) > _LONGEST_VALUE:
            raise BadRequest(f"`{known[1]}` has too many values, or too long ones.", param=known[1])
    return given


def _single(name: str, values: Sequence[str]) -> str:
    if len(values) > 1:
        raise BadRequest(f"`{name}` is given twice.", param=name)
    return values[0]


def _check_offered(offer: Offer, given: Mapping[str, list[str]], group_by: tuple[str, ...], has_batch: bool) -> None:
    for name in given:
        if name not in offer.filters:
            raise BadRequest(f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")
    for name in group_by:
        if name not in offer.group_by:
            raise BadRequest(f"`group_by` takes {', '.join(offer.group_by)}.", param="group_by")
    if has_batch and not offer.takes_batch:
        raise BadRequest("Unknown parameter: 'batch'.", param="batch", code="unknown_parameter")


def _limit(given: str | None, width: str, offer: Offer) -> int:
    usual, most = _COST_LIMITS if len(offer.widths) == 1 else _LIMITS[width]
    return usual if given is None else _number("limit", given, 1, most)


def _page(once: Mapping[str, str], width: str, limit: int, now: datetime) -> tuple[Window, str | None]:
    """Return the window of a page, and where the next one begins. Times are widened to whole buckets, which begin in UTC."""
    if "start_time" not in once:
        raise BadRequest(
            "Missing required parameter: 'start_time'.", param="start_time", code="missing_required_parameter"
        )
    seconds = SECONDS[width]
    start = _number("start_time", once["start_time"], _EARLIEST, _LATEST)
    end = _number("end_time", once["end_time"], _EARLIEST, _LATEST) if "end_time" in once else int(now.timestamp()) + 1
    if "end_time" in once and end <= start:
        raise BadRequest("`end_time` must be after `start_time`.", param="end_time")
    start, end = start - start % seconds, max(end + -end % seconds, start)
    begin = _begin(once["page"], start, end, seconds) if "page" in once else start
    stop = min(begin + limit * seconds, end)
    return Window("", _moment(begin), _moment(stop)), _PAGE + _encoded(stop) if stop < end else None


def _begin(page: str, start: int, end: int, seconds: int) -> int:
    try:
        begin = int(base64.urlsafe_b64decode(page.removeprefix(_PAGE)))
    except (ValueError, binascii.Error):
        begin = -1
    if not page.startswith(_PAGE) or not start <= begin < end or begin % seconds:
        raise BadRequest("`page` is not the `next_page` of an answer to this question.", param="page")
    return begin


def _encoded(moment: int) -> str:
    return base64.urlsafe_b64encode(str(moment).encode()).decode()


def _number(name: str, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise BadRequest(f"`{name}` must be a whole number from {least} to {most}.", param=name)
    return int(text)


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise BadRequest("`batch` must be true or false.", param="batch")
    return text.lower() == "true"


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)
