import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from shared.finance.formats.parquet import render
from shared.finance.model import ReportKind
from shared.finance.report import Kind, Report, Table, Value
from tests.shared.finance.formats.hostile import hostile_report, written
from tests.shared.finance.made import table


def expected(value: Value, kind: Kind) -> object:
    if isinstance(value, int) and kind in (Kind.MONEY, Kind.QUANTITY):
        return Decimal(value).scaleb(-9)
    if isinstance(value, int) and kind is Kind.PERCENT:
        return Decimal(value).scaleb(-2)
    return value


def rows_in(path: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        columns = [each[0] for each in connection.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()]
        moments = {"last_posted_at"} & set(columns)
        chosen = ", ".join(f"epoch_us({name}) AS {name}" if name in moments else name for name in columns)
        return [tuple(row) for row in connection.execute(f"SELECT {chosen} FROM '{path}'").fetchall()]


@pytest.mark.parametrize("kind", [ReportKind.CHARGEBACK, ReportKind.FORECAST])
async def test_every_value_is_read_back_exactly_and_in_order(tmp_path: Path, kind: ReportKind) -> None:
    report = await hostile_report(kind)
    files = written(render, report, tmp_path)

    for each in report.all_tables:
        assert rows_in(files[f"{each.name}.parquet"]) == [
            tuple(_comparable(value, column.kind) for value, column in zip(row, each.columns, strict=True))
            for row in each.rows
        ]


def _comparable(value: Value, kind: Kind) -> object:
    if isinstance(value, datetime):
        return int((value - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000
    return expected(value, kind)


async def test_money_is_a_decimal_and_days_are_dates(tmp_path: Path) -> None:
    report = await hostile_report(ReportKind.FORECAST)
    path = written(render, report, tmp_path)["days.parquet"]

    with duckdb.connect(":memory:") as connection:
        types = {name: type for name, type, *_ in connection.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()}
    assert types == {"date": "DATE", "cost": "DECIMAL(38,9)", "running": "DECIMAL(38,9)"}
    assert isinstance(next(iter(table(report, "days").rows))[0], date)


async def test_empty_text_is_not_the_absence_of_text(tmp_path: Path) -> None:
    report: Report = await hostile_report()
    odd = Table("odd", "Odd", table(report, "about").columns, [("", None), (None, ""), ('"', "\\N"), ("NULL", ",")])
    changed = Report("t", "s", (), odd, (), report.coverage, "USD", report.generated_at)

    assert rows_in(written(render, changed, tmp_path)["odd.parquet"]) == list(odd.rows)


async def test_nothing_is_left_beside_the_files(tmp_path: Path) -> None:
    files = written(render, await hostile_report(), tmp_path)

    assert set(os.listdir(tmp_path)) == set(files)
