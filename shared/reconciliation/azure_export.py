"""Reads an actual-cost export of Azure Cost Management, line by line, whatever its columns are called.

The columns of the formats that there are: https://learn.microsoft.com/azure/cost-management-billing/automate/understand-usage-details-fields
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal, InvalidOperation
from typing import BinaryIO

import orjson

from shared.errors import BadRequest

MOST_BYTES = 200 * 10**6
_MOST_FIELD, _MOST_NAME = 131_072, 256
_LARGEST = Decimal(10**12)
_EXACT = Context(prec=100)
_NUMBER = re.compile(r"[+-]?(\d{1,20}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,2})?")
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_UNIT = re.compile(r"\s*([\d.,]+)\s*([KMB]?)\b", re.IGNORECASE)
_SCALE = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}
# Possessive: what does not fit is known after one look at it.
_STRING = re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_COLON = re.compile(r"\s*+:\s*+")

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "day": ("date", "usagedatetime", "usagedate", "chargeperiodstart"),
    "cost": ("costinbillingcurrency", "cost", "pretaxcost"),
    "currency": ("billingcurrency", "billingcurrencycode", "currency", "currencycode"),
    "meter": ("metername", "meter"),
    "family": ("metersubcategory",),
    "tags": ("tags",),
    "resource": ("resourceid", "instanceid", "instancename"),
    "quantity": ("quantity", "usagequantity", "consumedquantity"),
    "unit": ("unitofmeasure",),
    "charge": ("chargetype",),
}
_NEEDED = ("day", "cost", "currency")


class ExportInvalid(BadRequest):
    """The file is not such an export, or not a whole one; the message names line and column."""

    code = "invalid_export"


@dataclass(frozen=True, slots=True)
class CostLine:
    """A line of an export. `account` and `deployment` are in lower case, and None where the line names none.

    `quantity` is in single units (tokens, not thousands of them); None where the unit is not told.
    """

    day: date
    account: str | None
    deployment: str | None
    meter: str
    charge: str
    currency: str
    cost: Decimal
    quantity: Decimal | None


def read_export(stream: BinaryIO) -> Iterator[CostLine]:
    """Yield the lines of an export. Raises ExportInvalid; what came until then is of no use. Reads blocks: not for the event loop."""
    csv.field_size_limit(_MOST_FIELD)
    text = io.TextIOWrapper(_Bounded(stream), encoding="utf-8-sig", newline="")
    rows = csv.reader(text, strict=True)
    columns: Mapping[str, int] | None = None
    try:
        for row in rows:
            if columns is None:
                columns = _columns_of(row)
            elif row:
                yield _line_of(row, columns, rows.line_num)
    except csv.Error as error:
        raise ExportInvalid(f"Line {rows.line_num}: this is not CSV ({error}).") from None
    except UnicodeDecodeError:
        raise ExportInvalid(f"After line {rows.line_num}: this is not UTF-8.") from None
    finally:
        text.detach()
    if columns is None:
        raise ExportInvalid("The file is empty.")


class _Bounded(io.BufferedReader):
    """Stops at the size that an export may have."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(_Counted(stream), 1 << 20)


class _Counted(io.RawIOBase):
    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._left = stream, MOST_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        piece = self._stream.read(min(len(view), 1 << 20))
        self._left -= len(piece)
        if self._left < 0:
            raise ExportInvalid(f"The file is larger than {MOST_BYTES // 10**6} MB: export a shorter time.")
        view[: len(piece)] = piece
        return len(piece)


def _columns_of(header: Sequence[str]) -> Mapping[str, int]:
    names = [re.sub(r"[\s_]", "", name).lower() for name in header]
    found: dict[str, int] = {}
    for what, candidates in _COLUMNS.items():
        place = next((names.index(name) for name in candidates if name in names), None)
        if place is not None:
            found[what] = place
    for what in _NEEDED:
        if what not in found:
            raise ExportInvalid(f"Line 1: there is no column {' or '.join(_COLUMNS[what])}.")
    return found


def _line_of(row: Sequence[str], columns: Mapping[str, int], line: int) -> CostLine:
    def text(what: str) -> str:
        place = columns.get(what)
        if place is None:
            return ""
        if place >= len(row):
            raise ExportInvalid(f"Line {line}: there are {len(row)} columns, and none for {what}.")
        return row[place].strip()

    def number(what: str) -> Decimal:
        value = _decimal(text(what))
        if value is None:
            raise ExportInvalid(f"Line {line}, {what}: {text(what)[:40]!r} is not a number.")
        return value

    day = _day(text("day"))
    if day is None:
        raise ExportInvalid(f"Line {line}, day: {text('day')[:40]!r} is not a date (MM/DD/YYYY or YYYY-MM-DD).")
    currency = text("currency").upper()
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise ExportInvalid(f"Line {line}, currency: {currency[:40]!r} is not the code of a currency.")
    scale = _scale(text("unit"))
    return CostLine(
        day=day,
        account=_account(text("resource")),
        deployment=_tag(text("tags"), "deployment"),
        meter=" / ".join(part[:_MOST_NAME] for part in (text("family"), text("meter")) if part),
        charge=text("charge")[:40].lower() or "usage",
        currency=currency,
        cost=number("cost"),
        quantity=None if scale is None or not text("quantity") else _EXACT.multiply(number("quantity"), scale),
    )


def _decimal(text: str) -> Decimal | None:
    if not _NUMBER.fullmatch(text):
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if abs(value) <= _LARGEST else None


def _day(text: str) -> date | None:
    """Return the day of a date as Azure writes it. Its days are of UTC."""
    american = _AMERICAN.match(text)
    try:
        if american:
            return date(int(american[3]), int(american[1]), int(american[2]))
        if len(text) == 8 and text.isdecimal():
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC).date() if moment.tzinfo else moment.date()
    except (ValueError, OverflowError):  # The first and the last day that there are may be none in UTC.
        return None


def _account(resource: str) -> str | None:
    """Return the name of the account in `/subscriptions/…/accounts/<name>[/…]`."""
    parts = resource.lower().split("/")
    if "accounts" not in parts[:-1]:
        return None
    return parts[parts.index("accounts") + 1][:_MOST_NAME] or None


def _tag(tags: str, wanted: str) -> str | None:
    """Return a tag's value. Tags are a JSON object or, in older exports, the inside of one."""
    for name, value in _tags(tags):
        if name.strip().lower() == wanted and value.strip():
            return value.strip().lower()[:_MOST_NAME]
    return None


def _tags(tags: str) -> Iterator[tuple[str, str]]:
    if not tags:
        return
    try:
        parsed = orjson.loads(tags if tags.startswith("{") else f"{{{tags}}}")
    except orjson.JSONDecodeError:
        yield from _whole_pairs(tags)
        return
    if isinstance(parsed, dict):
        yield from ((name, value) for name, value in parsed.items() if isinstance(value, str))


def _whole_pairs(tags: str) -> Iterator[tuple[str, str]]:
    """Yield the pairs before the place where Azure has cut the tags off. Goes through them once: a text without an end is the last."""
    place = tags.find('"')
    while place >= 0 and (name := _STRING.match(tags, place)):
        place = name.end()
        colon = _COLON.match(tags, place)
        value = _STRING.match(tags, colon.end()) if colon else None
        if value:
            yield name[1], value[1]
            place = value.end()
        place = tags.find('"', place)


def _scale(unit: str) -> Decimal | None:
    """Return how many single units one of the quantity is: 1000 for `1K`, a million for `1M Tokens`."""
    found = _UNIT.match(unit)
    number = _decimal(found[1].replace(",", "")) if found else None
    return None if found is None or number is None else number * _SCALE[found[2].upper()]
