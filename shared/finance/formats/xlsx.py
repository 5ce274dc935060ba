"""An Excel workbook: a sheet for each table, frozen heads, number formats and charts; texts are texts, never formulas or links."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.finance.formats.text import decimal
from shared.finance.report import Chart, Column, Kind, Report, Table, Value

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

# What Excel itself would write as the time of creation differs at every run.
_CREATED = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": False,
}
_NUMBERS = {
    Kind.INTEGER: "#,##0",
    Kind.MONEY: "#,##0.00####",
    Kind.QUANTITY: "#,##0.0########",
    Kind.PERCENT: "0.00%",
    Kind.DATE: "yyyy-mm-dd",
    Kind.MOMENT: "yyyy-mm-dd hh:mm:ss",
}
_TITLE, _WARNINGS, _HEAD = 0, 2, 2
_LONGEST_TEXT = 32_000
_WIDTHS = {Kind.TEXT: 28, Kind.MONEY: 18}


def render(report: Report, directory: Path) -> Iterator[Path]:
    from xlsxwriter import Workbook

    path = directory / "report.xlsx"
    with Workbook(str(path), {**_OPTIONS, "tmpdir": str(directory)}) as workbook:
        workbook.set_properties({"title": report.title, "created": _CREATED})
        styles = _Styles(workbook)
        first, *others = report.all_tables
        _Sheet(workbook, styles, first, report).write(report.warnings)
        for table in others:
            _Sheet(workbook, styles, table, report).write(())
    yield path


class _Styles:
    """The formats of a workbook, by kind of value and whether the line is a total."""

    def __init__(self, workbook: "Workbook") -> None:
        self.title = workbook.add_format({"bold": True, "font_size": 14})
        self.warning = workbook.add_format({"font_color": "#A15C00", "bold": True})
        self.note = workbook.add_format({"font_color": "#46535F", "italic": True})
        self.head = workbook.add_format({"bold": True, "bg_color": "#EEF2F5", "bottom": 1, "text_wrap": True})
        self._cells: dict[tuple[Kind, bool], Any] = {}
        for kind in Kind:
            for is_total in (False, True):
                look = {"bold": True, "top": 1, "bg_color": "#F6F8FA"} if is_total else {}
                # Text stays text also when somebody edits the cell.
                form = {"num_format": _NUMBERS[kind]} if kind in _NUMBERS else {"quote_prefix": True}
                self._cells[kind, is_total] = workbook.add_format({**look, **form})

    def cell(self, kind: Kind, is_total: bool) -> Any:
        return self._cells[kind, is_total]


class _Sheet:
    """One table. Rows are written from top to bottom: none is kept in memory."""

    def __init__(self, workbook: "Workbook", styles: _Styles, table: Table, report: Report) -> None:
        self._workbook, self._styles, self._table, self._report = workbook, styles, table, report
        self._sheet: Worksheet = workbook.add_worksheet(table.name[:31].replace("_", " ").capitalize())

    def write(self, warnings: tuple[str, ...]) -> None:
        table, sheet, styles = self._table, self._sheet, self._styles
        head = _HEAD + len(warnings)
        for place, column in enumerate(table.columns):
            sheet.set_column(place, place, _WIDTHS.get(column.kind, 16))
        sheet.write_string(_TITLE, 0, f"{self._report.title}: {table.title}", styles.title)
        sheet.write_string(1, 0, self._subtitle(), styles.note)
        for place, warning in enumerate(warnings):
            sheet.write_string(_WARNINGS + place, 0, warning, styles.warning)
        for place, column in enumerate(table.columns):
            sheet.write_string(head, place, column.title, styles.head)
        sheet.freeze_panes(head + 1, 0)
        count = self._write_lines(head + 1)
        if count and table.grouped_by is None:
            sheet.autofilter(head, 0, head + count, len(table.columns) - 1)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(head)
        self._add_charts(head + 1)

    def _subtitle(self) -> str:
        about = f"{self._report.subtitle}, amounts in {self._report.currency}"
        return f"{about}. {self._table.note}" if self._table.note else about

    def _write_lines(self, top: int) -> int:
        """Return how many rows there are, without totals."""
        count = 0
        for place, line in enumerate(self._table.lines()):
            for column, (value, kind) in enumerate(zip(line.row, self._table.columns, strict=True)):
                self._write(top + place, column, value, kind, line.is_total)
            count += not line.is_total
        return count

    def _write(self, row: int, place: int, value: Value, column: Column, is_total: bool) -> None:
        style, sheet = self._styles.cell(column.kind, is_total), self._sheet
        if value is None:
            sheet.write_blank(row, place, None, style)
        elif isinstance(value, str):
            sheet.write_string(row, place, value[:_LONGEST_TEXT], style)
        elif isinstance(value, int):
            sheet.write_number(row, place, _number(value, column.kind), style)
        else:
            sheet.write_datetime(row, place, _local(value), style)

    def _add_charts(self, top: int) -> None:
        for number, chart in enumerate(self._table.charts):
            drawn = self._chart(chart, top)
            if drawn is not None:
                place = {"x_offset": 20, "y_offset": 10 + number * 340}
                self._sheet.insert_chart(top, len(self._table.columns), drawn, place)

    def _chart(self, chart: Chart, top: int) -> Any:
        """Return a chart of the table's cells: of all rows, or of the first."""
        rows = sum(1 for _ in self._table.rows)
        last = top + (rows if chart.is_line else min(chart.most, rows)) - 1
        if last < top or (self._table.grouped_by is not None):
            return None
        name = self._sheet.get_name()
        label, value = self._table.index(chart.label), self._table.index(chart.value)
        drawn = self._workbook.add_chart({"type": "line" if chart.is_line else "bar"})
        drawn.add_series(
            {
                "categories": [name, top, label, last, label],
                "values": [name, top, value, last, value],
                "name": chart.title,
            }
        )
        drawn.set_title({"name": chart.title, "name_font": {"size": 11}})
        drawn.set_legend({"none": True})
        if not chart.is_line:
            drawn.set_y_axis({"reverse": True})
        drawn.set_size({"width": 640, "height": 320})
        return drawn


def _number(value: int, kind: Kind) -> Decimal | int:
    """Return the exact amount, which is what the file holds; Excel itself reads and counts the first 15 digits."""
    if kind in (Kind.MONEY, Kind.QUANTITY):
        return Decimal(decimal(value, places=0))
    return Decimal(value).scaleb(-4) if kind is Kind.PERCENT else value


def _local(value: date | datetime) -> date | datetime:
    """Excel's times have no zone: these are UTC."""
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value
