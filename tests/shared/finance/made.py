"""Reports made of entries, for tests of what is in them."""

from collections.abc import Iterable
from datetime import UTC, datetime

from shared.finance.building import Builder, Built, Origin, rows_of
from shared.finance.facts import Days
from shared.finance.model import ReportConfig, ReportKind
from shared.finance.report import Report, Row, Table
from shared.ledger.model import Entry
from tests.shared.finance.books import FixedBooks, MemoryLedger, month

GENERATED_AT = datetime(2026, 12, 1, 3, tzinfo=UTC)
ORIGIN = Origin("prices-1", "1.2.3")


async def built(
    kind: ReportKind,
    ledger: MemoryLedger,
    period: Days | None = None,
    teams: tuple[str, ...] | None = None,
    books: FixedBooks | None = None,
) -> Built:
    definition = ReportConfig(name=f"my-{kind}", kind=kind, teams=teams)
    period = period or month()
    builder = Builder(ledger, books or FixedBooks(), ORIGIN)
    if kind is ReportKind.FOCUS:
        raise ValueError("its rows live as long as the place that is lent to them")
    with rows_of(definition, period.time_zone) as rows:
        return await builder.build(definition, period, "run_1", GENERATED_AT, rows, lambda _: None)


async def report_of(kind: ReportKind, entries: Iterable[Entry], period: Days | None = None) -> Report:
    return (await built(kind, MemoryLedger(entries), period)).report


def table(report: Report, name: str) -> Table:
    return next(each for each in report.all_tables if each.name == name)


def dicts(found: Table) -> list[dict[str, object]]:
    names = [column.name for column in found.columns]
    return [dict(zip(names, row, strict=True)) for row in found.rows]


def column(found: Table, name: str) -> list[object]:
    place = found.index(name)
    rows: Iterable[Row] = found.rows
    return [row[place] for row in rows]
