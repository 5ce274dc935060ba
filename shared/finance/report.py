"""A report before it has a format: typed tables that add up to the ledger's total, so that no two formats can disagree."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from shared.money import amount, text_of

type Value = str | int | date | datetime | None
type Row = tuple[Value, ...]

MOST_ROWS = 200_000


class ReportRefused(Exception):
    """The report would be wrong or incomplete; the text says why, in words that its readers understand."""


class Kind(StrEnum):
    """What a column holds.

    MONEY and QUANTITY are integers in nano-units, PERCENT an integer in hundredths of a percent, MOMENT a time in UTC.
    None is no value: it is never shown as zero.
    """

    TEXT = "text"
    INTEGER = "integer"
    MONEY = "money"
    QUANTITY = "quantity"
    PERCENT = "percent"
    DATE = "date"
    MOMENT = "moment"

    @property
    def is_number(self) -> bool:
        return self in (Kind.INTEGER, Kind.MONEY, Kind.QUANTITY, Kind.PERCENT)


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is for machines, `title` for people."""

    name: str
    title: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class Chart:
    """The first rows of a table as bars, or all of them as a line: the texts or dates of one column, the numbers of another."""

    title: str
    label: str
    value: str
    is_line: bool = False
    most: int = 12


class Line(NamedTuple):
    """A row as people read it, with subtotals between the rows and the total at the end."""

    row: Row
    is_total: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that can be gone through again and again.

    `adds_up` names, for columns that together hold everything, the sum of the ledger that they must equal. `grouped_by` is a column
    after which people see subtotals; rows are in its order. `totals` are the columns that subtotals and the total are of.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Iterable[Row]
    adds_up: Mapping[str, str] = field(default_factory=dict)
    totals: tuple[str, ...] = ()
    grouped_by: str | None = None
    charts: tuple[Chart, ...] = ()
    note: str | None = None

    def index(self, name: str) -> int:
        return [column.name for column in self.columns].index(name)

    def lines(self) -> Iterator[Line]:
        """Return the rows with subtotals and total; what is not added up is None there, the first column says what it is."""
        if self.grouped_by is None:
            yield from (Line(row, False) for row in self.rows)
        else:
            place = self.index(self.grouped_by)
            for value, group in groupby(self.rows, key=lambda row: row[place]):
                rows = list(group)
                yield from (Line(row, False) for row in rows)
                if len(rows) > 1:
                    yield Line(self._sum(rows, f"Subtotal {value or '(none)'}"), True)
        if self.totals:
            yield Line(self._sum(self.rows, "Total"), True)

    def _sum(self, rows: Iterable[Row], label: str) -> Row:
        places = [self.index(name) for name in self.totals]
        sums = dict.fromkeys(places, 0)
        for row in rows:
            for place in places:
                value = row[place]
                sums[place] += value if isinstance(value, int) else 0
        return tuple(label if place == 0 else sums.get(place) for place in range(len(self.columns)))


@dataclass(frozen=True, slots=True)
class Report:
    """`warnings` stand on the first page. `about` and `coverage` tell what the report is made of."""

    title: str
    subtitle: str
    warnings: tuple[str, ...]
    about: Table
    tables: tuple[Table, ...]
    coverage: Table
    currency: str
    generated_at: datetime

    @property
    def all_tables(self) -> tuple[Table, ...]:
        return (self.about, *self.tables, self.coverage)


def check(table: Table, total: Mapping[str, int]) -> None:
    """Raise ReportRefused where a column that holds everything does not add up to the ledger's total."""
    if not table.adds_up:
        return
    places = {table.index(name): name for name in table.adds_up}
    sums = dict.fromkeys(places, 0)
    for row in table.rows:
        for place in places:
            value = row[place]
            sums[place] += value if isinstance(value, int) else 0
    for place, name in places.items():
        stated = total.get(table.adds_up[name], 0)
        if sums[place] != stated:
            shown = [_shown(table.columns[place], number) for number in (sums[place], stated)]
            raise ReportRefused(
                f"The report does not add up: the column {name} of the table {table.name} comes to {shown[0]}, the ledger to {shown[1]}."
            )


def _shown(column: Column, number: int) -> str:
    return text_of(amount(number)) if column.kind is Kind.MONEY else str(number)


def bounded(table: Table, rows: Sequence[Row], most: int = MOST_ROWS) -> Table:
    """Return the table with at most so many rows: those after them are added up in a last one, which says how many they are."""
    if len(rows) <= most:
        return replace(table, rows=rows)
    kept, rest = rows[: most - 1], rows[most - 1 :]
    summed = replace(
        table, totals=tuple(each.name for each in table.columns if each.kind in (Kind.INTEGER, Kind.MONEY))
    )
    last = summed._sum(rest, f"({len(rest)} further rows, added up)")
    note = f"The table is limited to {most} rows: the {len(rest)} after them are added up in the last."
    return replace(table, rows=[*kept, last], note=f"{table.note} {note}" if table.note else note)


def percent(part: int, whole: int) -> int | None:
    """Return the share in hundredths of a percent, rounded half up; None where there is no whole, or a credit makes a share nonsense."""
    return None if whole <= 0 or part < 0 else (20_000 * part + whole) // (2 * whole)


def whole_of(parts: Iterable[int], whole: int) -> int:
    """Return the whole that shares are of; none (0) where a part is negative, because the others would come to more than all."""
    return whole if all(part >= 0 for part in parts) else 0
