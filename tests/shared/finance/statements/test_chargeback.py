from shared.finance.model import ReportKind
from shared.ledger.model import EntryType
from tests.shared.finance.books import FixedBooks, MemoryLedger, busy_month, entry
from tests.shared.finance.made import built, dicts, report_of, table


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


async def test_what_was_adjusted_after_the_close_has_a_line_and_a_note_of_its_own() -> None:
    ledger, books = MemoryLedger(busy_month()), FixedBooks()
    books.close("2026-11", ledger)
    before = (await built(ReportKind.CHARGEBACK, ledger, books=books)).report
    credit = {"cost_center": "R&D", "type": EntryType.ADJUSTMENT, "sums": {}, "lines": {}}
    ledger.post(entry("11", -20_000_000, **credit), entry("12", -30_000_000, **credit))

    after = (await built(ReportKind.CHARGEBACK, ledger, books=books)).report

    assert not [warning for warning in before.warnings if "closed at" in warning]
    assert after.warnings[0] == (
        "The books were closed at 9.050000008 USD; -0.05 USD adjusted since, in 2 entries; now 9.000000008 USD."
    )
    lines = [row for row in dicts(table(after, "statement")) if str(row["charge"]).startswith("Adjustments")]
    assert [(row["charge"], row["entries"], row["cost"]) for row in lines] == [
        ("Adjustments", 1, -500_000_000),
        ("Adjustments after close", 2, -50_000_000),
    ]


async def test_of_some_teams_only_their_part_of_the_close_counts() -> None:
    ledger, books = MemoryLedger(busy_month()), FixedBooks()
    books.close("2026-11", ledger)
    ledger.post(entry("11", -20_000_000, type=EntryType.ADJUSTMENT, sums={}, lines={}))

    theirs = await built(ReportKind.SHOWBACK, ledger, teams=("search",), books=books)
    others = await built(ReportKind.SHOWBACK, ledger, teams=("ops",), books=books)

    assert theirs.report.warnings[0].startswith(
        "The books were closed at 1.800000007 USD; -0.02 USD adjusted since, in 1 entry;"
    )
    assert not [warning for warning in others.report.warnings if "closed at" in warning]


async def test_a_price_that_came_later_is_seen_where_the_usage_is() -> None:
    late = entry("5", 70, type=EntryType.ADJUSTMENT, sums={"unpriced": -1}, lines={})
    rows = dicts(table(await report_of(ReportKind.CHARGEBACK, [entry("4", None), late]), "statement"))

    assert [(row["charge"], row["unpriced"], row["cost"]) for row in rows] == [("Usage", 0, 0), ("Adjustments", 0, 70)]


async def test_credits_leave_no_shares_that_are_nonsense() -> None:
    credit = entry("2", -10_000_000, team="b", cost_center="B", type=EntryType.ADJUSTMENT, sums={}, lines={})
    books = [entry("1", cost_center="A"), credit]

    for kind, name in (
        (ReportKind.CHARGEBACK, "cost_centers"),
        (ReportKind.SHOWBACK, "teams"),
        (ReportKind.TOP_TALKERS, "teams"),
        (ReportKind.MODEL_MIX, "teams"),
    ):
        assert {row["share"] for row in dicts(table(await report_of(kind, books), name))} == {None}, kind
