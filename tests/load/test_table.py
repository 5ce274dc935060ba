"""The table of the report."""

from tests.load.table import COLUMNS, grid, render


def test_every_row_has_every_column_and_what_was_not_measured_is_a_dash() -> None:
    head, _, row, absent = render({"Tollgate": {"add_p50": 1.234, "requests_s": 1674.4}, "nginx": {}}).splitlines()
    assert [cell.strip() for cell in head.split("|")[2:-1]] == [title for title, _ in COLUMNS.values()]
    assert "1.23" in row
    assert "1,674" in row
    assert row.count(" - |") == len(COLUMNS) - 2
    assert absent.count(" - |") == len(COLUMNS)


def test_columns_line_up() -> None:
    assert grid([["", "ms"], ["first", "1.00"]]).splitlines() == [
        "|       |   ms |",
        "| ----- | ---: |",
        "| first | 1.00 |",
    ]
