from shared.finance.model import ReportKind
from tests.shared.finance.books import busy_month, entry
from tests.shared.finance.made import dicts, report_of, table


async def test_a_million_tokens_cost_what_they_did_on_average() -> None:
    rows = dicts(table(await report_of(ReportKind.MODEL_MIX, [entry("1", 3_000_000_000)]), "models"))

    assert (rows[0]["model"], rows[0]["per_million_tokens"], rows[0]["share"]) == ("gpt-4.1", 2_000_000_000_000, 10_000)


async def test_where_a_price_is_missing_there_is_no_average() -> None:
    rows = dicts(table(await report_of(ReportKind.MODEL_MIX, busy_month()), "models"))

    assert [row["per_million_tokens"] for row in rows if row["model"] == "unknown"] == [None]
