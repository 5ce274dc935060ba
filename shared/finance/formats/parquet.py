"""Parquet, a file for each table: money is DECIMAL(38, 9), so that whoever reads it counts exactly. Written by DuckDB."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from shared.finance.formats.text import writers
from shared.finance.report import Kind, Report, Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TYPES = {
    Kind.TEXT: "VARCHAR",
    Kind.INTEGER: "BIGINT",
    Kind.MONEY: "DECIMAL(38, 9)",
    Kind.QUANTITY: "DECIMAL(38, 9)",
    Kind.PERCENT: "DECIMAL(18, 2)",
    Kind.DATE: "DATE",
    Kind.MOMENT: "TIMESTAMP WITH TIME ZONE",
}
# One thread and a fixed order make the same bytes of the same rows; nothing is fetched, ever.
_FORM = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480"
_SETTINGS: dict[str, str | int | float | list[str]] = {
    "threads": 1,
    "memory_limit": "192MB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


def render(report: Report, directory: Path) -> Iterator[Path]:
    import duckdb

    with duckdb.connect(":memory:", config={**_SETTINGS, "temp_directory": str(directory)}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table in report.all_tables:
            path = directory / f"{table.name}.parquet"
            _write(connection, table, path)
            yield path


def _write(connection: "DuckDBPyConnection", table: Table, path: Path) -> None:
    """By way of a file of text: DuckDB reads that far faster than rows that Python hands to it."""
    rows = path.with_suffix(".rows")
    with rows.open("w", encoding="utf-8", newline="") as file:
        # Quoted is text, also where it is empty; what is not quoted and empty is no value.
        writer = csv.writer(file, quoting=csv.QUOTE_NOTNULL, lineterminator="\n")
        write = writers(table.columns, str)
        writer.writerows([each(value) for each, value in zip(write, row, strict=True)] for row in table.rows)
    types = {column.name: _TYPES[column.kind] for column in table.columns}
    read = (
        f"read_csv({_quoted(str(rows))}, columns = {_struct(types)}, auto_detect = false, header = false, delim = ',', "
        "quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, parallel = false, "
        "max_line_size = 1000000, buffer_size = 4000000)"
    )
    connection.execute(f"COPY (SELECT * FROM {read}) TO {_quoted(str(path))} ({_FORM})")
    rows.unlink()


def _struct(types: dict[str, str]) -> str:
    return "{" + ", ".join(f"{_quoted(name)}: {_quoted(type)}" for name, type in types.items()) + "}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
