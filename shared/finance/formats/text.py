"""Values as text: exact decimals, dates as ISO 8601 writes them, and no text that a spreadsheet would run as a formula."""

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache, partial
from unicodedata import category, normalize

from shared.finance.report import Column, Kind, Value
from shared.ledger.model import stamp
from shared.money import NANO

_SIGNS, _BREAKS = frozenset("=+-@"), frozenset("\t\r\n")
_UNSEEN = frozenset(("Cc", "Cf", "Zl", "Zp", "Zs"))
"""Categories of what is not seen and may be left out before the rest is read: controls, formats, separators and spaces."""

_AMOUNT = re.compile(r"-[0-9]+\.[0-9]+")
"""A negative amount, as `decimal` writes it, has to stay a number."""

NONE = "(none)"


def guarded(text: str) -> str:
    """Return text that spreadsheets take for text (OWASP, CSV injection)."""
    if text[:1].isalnum() or _AMOUNT.fullmatch(text):
        return text
    for character in text:
        if character in _BREAKS:
            return f"'{text}"
        if category(character) not in _UNSEEN:
            # A wide or a small sign is the sign to a program that takes one for the other.
            return f"'{text}" if normalize("NFKC", character) in _SIGNS else text
    return text


def decimal(nanos: int, places: int = 2) -> str:
    """Return nano-units exactly, with at least so many decimal places."""
    whole, part = divmod(abs(nanos), NANO)
    digits = f"{part:09}".rstrip("0").ljust(places, "0")
    return f"{'-' if nanos < 0 else ''}{whole}.{digits}"


def hundredths(number: int) -> str:
    """Return hundredths with their two decimal places."""
    whole, part = divmod(abs(number), 100)
    return f"{'-' if number < 0 else ''}{whole}.{part:02}"


def exact(value: Value, column: Column) -> str | None:
    """Return the value for machines: no grouping, no rounding, no currency. None is no value."""
    if value is None:
        return None
    if isinstance(value, int):
        return _number(value, column.kind)
    if isinstance(value, datetime):
        return stamp(value)
    return value.isoformat() if isinstance(value, date) else value


def writers(columns: tuple[Column, ...], text: Callable[[str], str]) -> list[Callable[[Value], str | None]]:
    """Return, for each column, what writes its values as `exact` does, and texts by the rule given.

    What was just written is remembered: in large tables the same names, days and amounts come again and again.
    """

    def written(value: Value, kind: Kind) -> str | None:
        return text(value) if isinstance(value, str) else exact(value, Column("", "", kind))

    by_kind = {kind: lru_cache(maxsize=16_384)(partial(written, kind=kind)) for kind in Kind}
    return [by_kind[column.kind] for column in columns]


def _number(value: int, kind: Kind) -> str:
    if kind is Kind.MONEY:
        return decimal(value)
    if kind is Kind.QUANTITY:
        return decimal(value, places=1)
    return hundredths(value) if kind is Kind.PERCENT else str(value)


def shown(value: Value, column: Column) -> str:
    """Return the value for people: grouped by thousands; money to the cent or, where it is less than one, to its last digit."""
    if value is None:
        return NONE if column.kind is Kind.TEXT else ""
    if not isinstance(value, int):
        return exact(value, column) or ""
    if column.kind is Kind.INTEGER:
        return f"{value:,}"
    if column.kind is Kind.PERCENT:
        return f"{hundredths(value)} %"
    return grouped(value)


def grouped(nanos: int) -> str:
    """Return an amount with thousands apart: to the cent, rounded half to even; to its last digit where it is less than a cent."""
    cents = _half_even(abs(nanos), NANO // 100)
    if nanos and not cents:
        return decimal(nanos)
    sign = "-" if nanos < 0 else ""
    return f"{sign}{cents // 100:,}.{cents % 100:02}"


def _half_even(number: int, by: int) -> int:
    quotient, rest = divmod(number, by)
    return quotient + (2 * rest > by or (2 * rest == by and quotient % 2 == 1))
