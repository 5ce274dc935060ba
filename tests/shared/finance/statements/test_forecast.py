from datetime import UTC, datetime, timedelta

from shared.finance.building import Builder, rows_of
from shared.finance.model import ReportConfig, ReportKind
from shared.ledger.model import EntryType
from tests.shared.finance.books import FixedBooks, MemoryLedger, entry, month
from tests.shared.finance.made import ORIGIN, dicts, report_of, table

FIRST = datetime(2026, 11, 1, 12, tzinfo=UTC)


async def test_a_month_that_is_over_is_what_it_was() -> None:
    rows = dicts(table(await report_of(ReportKind.FORECAST, [entry("1", 5)]), "teams"))

    assert [(row["spent"], row["expected"], row["low"], row["high"], row["method"]) for row in rows] == [
        (5, 5, 5, 5, "the period is over")
    ]


async def test_a_month_that_goes_on_is_told_from_its_days() -> None:
    ledger = MemoryLedger([entry(str(n), 1_000, FIRST + timedelta(days=n)) for n in range(14)])
    definition = ReportConfig(name="f", kind=ReportKind.FORECAST)
    builder = Builder(ledger, FixedBooks(), ORIGIN)
    with rows_of(definition, "UTC") as rows:
        made = await builder.build(definition, month(), "r", FIRST + timedelta(days=14), rows, lambda _: None)

    (told,) = dicts(table(made.report, "organization"))
    assert (told["spent"], told["expected"]) == (14_000, 30_000)
    assert [row["running"] for row in dicts(table(made.report, "days"))] == list(range(1_000, 15_000, 1_000))


async def test_of_too_few_days_nothing_is_told() -> None:
    ledger = MemoryLedger([entry("1", 1_000, FIRST)])
    definition = ReportConfig(name="f", kind=ReportKind.FORECAST)
    made = await Builder(ledger, FixedBooks(), ORIGIN).build(
        definition, month(), "r", FIRST + timedelta(days=1), None, lambda _: None
    )

    (told,) = dicts(table(made.report, "teams"))
    assert (told["expected"], told["low"], told["method"]) == (None, None, "too few days are known")


async def test_what_was_adjusted_is_added_once_and_is_no_history() -> None:
    used = [entry(str(n), 1_000, FIRST + timedelta(days=n)) for n in range(7, 14)]
    credits = [
        entry("credit", -500, FIRST + timedelta(days=10), type=EntryType.ADJUSTMENT),
        entry("early", 70, FIRST, type=EntryType.ADJUSTMENT),
    ]
    definition = ReportConfig(name="f", kind=ReportKind.FORECAST)
    made = await Builder(MemoryLedger([*used, *credits]), FixedBooks(), ORIGIN).build(
        definition, month(), "r", FIRST + timedelta(days=14), None, lambda _: None
    )

    for name in ("organization", "teams"):
        (told,) = dicts(table(made.report, name))
        assert (told["spent"], told["expected"]) == (7_000 - 430, 7_000 + 16_000 - 430)


async def test_where_no_use_has_a_price_only_what_was_adjusted_is_told() -> None:
    unknown = [entry(str(n), None, FIRST + timedelta(days=n)) for n in range(14)]
    credit = entry("credit", -500, FIRST, type=EntryType.ADJUSTMENT)
    definition = ReportConfig(name="f", kind=ReportKind.FORECAST)
    made = await Builder(MemoryLedger([*unknown, credit]), FixedBooks(), ORIGIN).build(
        definition, month(), "r", FIRST + timedelta(days=14), None, lambda _: None
    )

    (told,) = dicts(table(made.report, "teams"))
    assert (told["spent"], told["expected"], told["unpriced"]) == (-500, None, 14)
