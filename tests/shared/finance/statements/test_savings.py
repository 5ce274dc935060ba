from shared.finance.model import ReportKind
from tests.shared.finance.books import busy_month
from tests.shared.finance.made import dicts, report_of, table


async def test_what_was_saved_stands_beside_what_was_paid() -> None:
    rows = dicts(table(await report_of(ReportKind.SAVINGS, busy_month()), "teams"))

    assert rows[0] == {
        "team": "search",
        "team_name": None,
        "saved_cache": 300_000_000,
        "saved_tier": 0,
        "saved_downshift": 0,
        "saved": 300_000_000,
        "cost": 1_800_000_007,
        "saved_share": 1429,
        "cached_input": 3000,
    }
