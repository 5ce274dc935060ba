from shared.finance.model import ReportKind
from tests.shared.finance.books import busy_month
from tests.shared.finance.made import column, dicts, report_of, table


async def test_teams_see_their_applications_and_people() -> None:
    report = await report_of(ReportKind.SHOWBACK, busy_month())

    assert column(table(report, "teams"), "team") == ["ops", "sales", "search"]
    users = [row for row in dicts(table(report, "users")) if row["team"] == "search"]
    assert [(row["application"], row["user"], row["cost"]) for row in users] == [
        ("chat", "ada", 1_500_000_000),
        (None, None, 300_000_000),
        ("chat", "bob", 7),
    ]


async def test_the_shares_of_a_team_are_of_what_the_team_cost() -> None:
    rows = dicts(table(await report_of(ReportKind.SHOWBACK, busy_month()), "applications"))

    assert sum(int(str(row["share"])) for row in rows if row["team"] == "ops") == 10_000
