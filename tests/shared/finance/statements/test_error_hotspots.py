from shared.finance.model import ReportKind
from tests.shared.finance.books import busy_month
from tests.shared.finance.made import dicts, report_of, table


async def test_where_most_calls_fail_comes_first_with_the_classes_of_error() -> None:
    rows = dicts(table(await report_of(ReportKind.ERROR_HOTSPOTS, busy_month()), "teams"))

    assert [(row["team"], row["requests"], row["errors"], row["rate"]) for row in rows] == [
        ("ops", 3, 3, 10_000),
        ("sales", 3, 1, 3333),
        ("search", 3, 0, 0),
    ]
    assert (rows[0]["rate_limited"], rows[0]["refused"], rows[1]["cut"]) == (2, 1, 1)
