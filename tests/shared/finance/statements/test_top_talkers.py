from shared.finance.model import ReportKind
from shared.finance.statements.top_talkers import MOST
from tests.shared.finance.books import entry
from tests.shared.finance.made import dicts, report_of, table


async def test_everyone_beyond_the_first_is_one_row_at_the_end() -> None:
    entries = [entry(str(n), 1000 - n, user=f"user-{n:03}") for n in range(MOST + 5)]

    rows = dicts(table(await report_of(ReportKind.TOP_TALKERS, entries), "users"))

    assert [row["rank"] for row in rows] == [*range(1, MOST + 1), None]
    assert (rows[0]["user"], rows[-1]["user"]) == ("user-000", "(5 others)")
    assert sum(int(str(row["cost"])) for row in rows) == sum(1000 - n for n in range(MOST + 5))
