import csv
from pathlib import Path

from shared.finance.formats.csv import render
from shared.finance.formats.text import exact, guarded
from shared.finance.report import Kind
from tests.shared.finance.formats.hostile import HOSTILE, hostile_report, written


async def test_every_table_is_a_file_with_exactly_its_values(tmp_path: Path) -> None:
    report = await hostile_report()
    files = written(render, report, tmp_path)

    assert set(files) == {f"{table.name}.csv" for table in report.all_tables}
    for table in report.all_tables:
        with files[f"{table.name}.csv"].open(encoding="utf-8", newline="") as file:
            head, *rows = csv.reader(file)
        assert head == [column.name for column in table.columns]
        assert rows == [
            [
                guarded(str(value)) if column.kind is Kind.TEXT and value is not None else exact(value, column) or ""
                for value, column in zip(row, table.columns, strict=True)
            ]
            for row in table.rows
        ]


async def test_no_cell_of_text_is_a_formula(tmp_path: Path) -> None:
    files = written(render, await hostile_report(), tmp_path)
    with files["details.csv"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    models = {row["model"] for row in rows}
    assert {guarded(text) for text in HOSTILE} <= models
    assert not [model for model in models if model.lstrip(" ").startswith(("=", "+", "-", "@", "\t"))]


async def test_lines_end_as_the_standard_says_and_excel_is_told_on_request(tmp_path: Path) -> None:
    report = await hostile_report()
    plain = written(render, report, tmp_path)["about.csv"].read_bytes()
    marked = next(render(report, tmp_path, has_bom=True)).read_bytes()

    assert plain.endswith(b"\r\n")
    assert marked == b"\xef\xbb\xbf" + plain
