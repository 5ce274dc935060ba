"""Numbers, money and times as people read them; what is exact stays in the answer behind it."""

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from shared.alerts.model import is_safe_address

UNPRICED, NOTHING = "no price yet", "\N{EN DASH}"
_SMALL = Decimal("0.000001")


def money(text: str | None) -> str:
    """Return an amount with thousands apart and two decimals; below one, as many as it needs to be seen, at most six."""
    if text is None:
        return UNPRICED
    value = Decimal(text)
    if abs(value) >= 1 or not value:
        return f"{value.quantize(Decimal('0.01'), ROUND_HALF_EVEN):,}"
    if abs(value) < _SMALL:
        return f"{'-' if value < 0 else ''}< {_SMALL}"
    whole, _, decimals = f"{value.quantize(_SMALL, ROUND_HALF_EVEN):f}".partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}"


def count(number: int | None) -> str:
    return NOTHING if number is None else f"{number:,}"


def share(part: str | None, whole: str | None) -> float:
    """Return a part of a whole between 0 and 1, for a bar; never for arithmetic with money."""
    if part is None or whole is None or Decimal(whole) <= 0:
        return 0.0
    return float(max(min(Decimal(part) / Decimal(whole), Decimal(1)), Decimal(0)))


def moment(text: str | None, time_zone: str = "UTC") -> str:
    return NOTHING if not text else f"{datetime.fromisoformat(text).astimezone(ZoneInfo(time_zone)):%Y-%m-%d %H:%M}"


def day(text: str | None, time_zone: str = "UTC") -> str:
    return NOTHING if not text else f"{datetime.fromisoformat(text).astimezone(ZoneInfo(time_zone)):%Y-%m-%d}"


def words(name: str) -> str:
    """Return a name of the API as words: `input_fresh` is input fresh."""
    return name.replace("_", " ").replace(".", " ")


def address(path: str, query: Mapping[str, object] | None = None, **more: object) -> str:
    """Return an address within the console, with every part that comes from somebody else escaped."""
    given = {name.rstrip("_"): value for name, value in {**(query or {}), **more}.items() if value not in (None, "")}
    return quote(path, safe="/@") + (f"?{urlencode(given)}" if given else "")


def is_safe_link(link: str | None) -> bool:
    return link is not None and is_safe_address(link)
