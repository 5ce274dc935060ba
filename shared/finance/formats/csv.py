"""CSV by RFC 4180, a file for each table: exact numbers, no subtotals, nothing that a spreadsheet would run."""

import csv
from collections.abc import Iterator
from pathlib import Path

from shared.finance.formats.text import guarded, writers
from shared.finance.report import Report, Table

BOM = "\ufeff"
"""What tells Excel that a file is UTF-8."""


def render(report: Report, directory: Path, *, has_bom: bool = False) -> Iterator[Path]:
    for table in report.all_tables:
        path = directory / f"{table.name}.csv"
        _write(table, path, has_bom=has_bom)
        yield path


def _write(table: Table, path: Path, *, has_bom: bool) -> None:
    write = writers(table.columns, guarded)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(BOM if has_bom else "")
        lines = csv.writer(file, lineterminator="\r\n")
        lines.writerow(column.name for column in table.columns)
        lines.writerows([each(value) for each, value in zip(write, row, strict=True)] for row in table.rows)
