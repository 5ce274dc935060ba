from shared.finance.model import ReportKind
from tests.shared.finance.books import busy_month
from tests.shared.finance.made import dicts, report_of, table


async def test_adjustments_idle_capacity_and_spillover_have_lines_of_their_own() -> None:
    rows = dicts(table(await report_of(ReportKind.CHARGEBACK, busy_month()), "statement"))

    assert [(row["cost_center"], row["team"], row["charge"], row["cost"]) for row in rows] == [
        ("R&D", "search", "Usage", 1_500_000_007),
        ("R&D", "search", "Spillover usage", 800_000_000),
        ("R&D", "search", "Adjustments", -500_000_000),
        ("Sales", "sales", "Usage", 2_000_000_001),
        (None, "ops", "Usage", 0),
        (None, "ops", "Provisioned capacity", 4_000_000_000),
        (None, "ops", "Idle provisioned capacity", 1_000_000_000),
        (None, "sales", "Usage", 250_000_000),
    ]
    assert [row["entries"] for row in rows] == [2, 1, 1, 2, 1, 1, 1, 1]


async def test_cost_centers_are_split_into_what_they_pay_for() -> None:
    rows = dicts(table(await report_of(ReportKind.CHARGEBACK, busy_month()), "cost_centers"))

    assert [row["cost_center"] for row in rows] == [None, "Sales", "R&D"]
    for row in rows:
        parts = ("usage", "spillover", "provisioned", "idle", "adjustments")
        assert sum(int(str(row[part])) for part in parts) == row["cost"]
    assert rows[0]["idle"] == 1_000_000_000
    assert rows[2]["adjustments"] == -500_000_000


async def test_unpriced_requests_are_counted_and_cost_nothing_yet() -> None:
    rows = dicts(table(await report_of(ReportKind.CHARGEBACK, busy_month()), "details"))
    (unknown,) = [row for row in rows if row["model"] == "unknown"]

    assert (unknown["unpriced"], unknown["cost"], unknown["requests"]) == (1, 0, 1)
