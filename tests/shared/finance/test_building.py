from shared.finance.model import ReportKind
from tests.shared.finance.books import busy_month, entry
from tests.shared.finance.made import dicts, report_of, table


async def test_a_report_says_first_what_it_cannot_know() -> None:
    report = await report_of(ReportKind.CHARGEBACK, busy_month())

    assert report.warnings[0].startswith("1 request has no price yet. What that costs is not known")
    assert any("still running" in warning for warning in report.warnings)
    assert any("is an estimate" in warning for warning in report.warnings)
    assert any("not closed for 2026-11 (open)" in warning for warning in report.warnings)
    notes = [row[1] for row in report.about.rows if row[0] == "Note"]
    assert notes == list(report.warnings)


async def test_a_report_says_what_it_is_of() -> None:
    report = await report_of(ReportKind.CHARGEBACK, busy_month())
    about = {row[0]: row[1] for row in report.about.rows if row[0] != "Note"}

    assert about == {
        "Report": "my-chargeback (chargeback)",
        "Run": "run_1",
        "Generated at": "2026-12-01T03:00:00Z",
        "Period": "2026-11",
        "First day": "2026-11-01",
        "Last day": "2026-11-30",
        "Begins (UTC)": "2026-11-01T00:00:00Z",
        "Ends before (UTC)": "2026-12-01T00:00:00Z",
        "Time zone": "UTC",
        "Fiscal period": "FY2026-P11",
        "Books": "2026-11 open",
        "Currency": "USD",
        "Teams": "all",
        "Total": "9.050000008",
        "Requests": "9",
        "Ledger entries": "10",
        "Requests without a price": "1",
        "Requests with estimated usage": "1",
        "Requests still running": "1",
        "Price book": "prices-1",
        "Code": "1.2.3",
    }


async def test_the_coverage_names_each_partition_and_how_far_it_had_come() -> None:
    rows = dicts(table(await report_of(ReportKind.SHOWBACK, [entry("1"), entry("2")]), "coverage"))

    assert [(row["team"], row["month"], row["sequence"], row["events"], row["entries"]) for row in rows] == [
        ("search", "2026-11", 2, 2, 2)
    ]
    assert len(str(rows[0]["digest"])) == 64
