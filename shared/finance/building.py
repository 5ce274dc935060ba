"""Makes a report of the ledger: gathers, states what it covers, and refuses what does not add up."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from shared.finance.facts import Days, Facts, Key, pour
from shared.finance.formats.text import decimal
from shared.finance.gathering import Gathering, Sink, Told
from shared.finance.model import ReportConfig, ReportKind
from shared.finance.naming import addresses_in, named
from shared.finance.ports import NAMELESS, Books, LedgerReader, Names
from shared.finance.report import Column, Kind, Report, Row, Table, check
from shared.finance.statements.focus import FocusRows
from shared.finance.statements.registry import STATEMENTS
from shared.ledger.model import Grain, stamp
from shared.money import amount, text_of


@dataclass(frozen=True, slots=True)
class Origin:
    """What else a report depends on: a digest of the prices in effect, and the version of the code."""

    price_book: str
    code: str


class Standing(NamedTuple):
    """The reporting months of a period with the state of their books, and their place in the fiscal year."""

    states: dict[str, str]
    fiscal: str


class Built(NamedTuple):
    """A report and what it was made of; `names` are those of the teams and areas in it, by address."""

    report: Report
    facts: Facts
    standing: Standing
    names: Mapping[str, str]


class Builder:
    def __init__(self, ledger: LedgerReader, books: Books, origin: Origin, names: Names = NAMELESS) -> None:
        self._ledger, self._books, self._origin, self._names = ledger, books, origin, names

    async def build(
        self,
        definition: ReportConfig,
        period: Days,
        run: str,
        generated_at: datetime,
        rows: FocusRows | None,
        told: Told,
    ) -> Built:
        """Return the report with what it was made of. Raises ReportRefused, BooksRecounted and StoreUnavailable."""
        statement = STATEMENTS[definition.kind]
        standing = await self._standing(period)
        sinks: tuple[Sink, ...] = () if rows is None else (rows,)
        grain = Grain.MONTH if rows is None and period.are_whole_months else Grain.DAY
        gathering = Gathering(self._ledger, period, definition.teams)
        facts = await gathering.run(statement.dimensions, grain, sinks, told, period.date_of(generated_at))
        facts = replace(facts, closed=await self._closed(definition, period, standing))
        tables = (rows.table(),) if rows is not None else await asyncio.to_thread(statement.tables, facts)
        names = await self._names.of(await asyncio.to_thread(addresses_in, tables))
        tables = await asyncio.to_thread(named, tables, names)
        await asyncio.to_thread(_check_all, tables, facts)
        warnings = tuple(_warnings(facts, standing, tables))
        stated = _about(definition, facts, standing, run, generated_at, self._origin)
        report = Report(
            title=statement.title,
            subtitle=f"{period.label} ({period.first} to {period.last}, {period.time_zone})",
            warnings=warnings,
            about=replace(stated, rows=[*(("Note", warning) for warning in warnings), *stated.rows]),
            tables=tables,
            coverage=_coverage(facts),
            currency=facts.currency,
            generated_at=generated_at,
        )
        return Built(report, facts, standing, names)

    async def _standing(self, period: Days) -> Standing:
        states = {month: await self._books.state(month) for month in period.months}
        labels = dict.fromkeys(
            (self._books.fiscal_label(period.window.start), self._books.fiscal_label(period.window.end - _TICK))
        )
        return Standing(states, " to ".join(labels))

    async def _closed(
        self, definition: ReportConfig, period: Days, standing: Standing
    ) -> dict[Key, dict[str, int]] | None:
        """Return what each cost center and team was closed with; snapshots are of whole months, so None for anything else."""
        if not period.are_whole_months or any(state != "closed" for state in standing.states.values()):
            return None
        closed: dict[Key, dict[str, int]] = {}
        for month in standing.states:
            async for snapshot in self._books.closed_with(month):
                if definition.teams is None or snapshot.team in definition.teams:
                    for total in snapshot.totals:
                        pour(total.sums, closed.setdefault((total.cost_center, snapshot.team), {}))
        return closed


@contextmanager
def rows_of(definition: ReportConfig, time_zone: str) -> Iterator[FocusRows | None]:
    """Lend the place for the rows of a report that has too many for memory."""
    if definition.kind is not ReportKind.FOCUS:
        yield None
        return
    with closing(FocusRows(time_zone)) as rows:
        yield rows


def _check_all(tables: tuple[Table, ...], facts: Facts) -> None:
    for table in tables:
        check(table, facts.total)


_TICK = datetime.resolution


def _warnings(facts: Facts, standing: Standing, tables: tuple[Table, ...]) -> Iterator[str]:
    yield from _since_close(facts)
    unpriced, estimated, pending = (facts.total.get(name, 0) for name in ("unpriced", "estimated", "pending"))
    if unpriced:
        yield (
            f"{_counted(unpriced, 'has', 'have')} no price yet. What that costs is not known, and not in any amount of this report; "
            "it is charged as an adjustment once there is a price."
        )
    if pending:
        yield f"{_counted(pending, 'is', 'are')} still running at the provider; what that costs is not in this report yet."
    if estimated:
        yield f"The usage of {_counted(estimated)} is an estimate, because the provider did not report it."
    if unsettled := [f"{month} ({state})" for month, state in standing.states.items() if state != "closed"]:
        yield f"The books are not closed for {', '.join(unsettled)}: later reports can show other amounts."
    yield from (f"{table.title}: {table.note}" for table in tables if table.note and "is limited to" in table.note)


def _since_close(facts: Facts) -> Iterator[str]:
    """Say why two reports of one closed month can differ."""
    if facts.closed is None or not (since := facts.since_close):
        return
    adjusted, entries = since.get("cost", 0), since.get("entries", 0)
    cost = facts.total.get("cost", 0)
    yield (
        f"The books were closed at {decimal(cost - adjusted)} {facts.currency}; {decimal(adjusted)} {facts.currency} "
        f"adjusted since, in {entries} {'entry' if entries == 1 else 'entries'}; now {decimal(cost)} {facts.currency}."
    )


def _counted(number: int, one: str = "", many: str = "") -> str:
    return f"{number} request {one}".rstrip() if number == 1 else f"{number} requests {many}".rstrip()


def _about(
    definition: ReportConfig, facts: Facts, standing: Standing, run: str, generated_at: datetime, origin: Origin
) -> Table:
    period, total = facts.period, facts.total
    rows: list[Row] = [
        ("Report", f"{definition.name} ({definition.kind})"),
        ("Run", run),
        ("Generated at", stamp(generated_at)),
        ("Period", period.label),
        ("First day", str(period.first)),
        ("Last day", str(period.last)),
        ("Begins (UTC)", stamp(period.window.start)),
        ("Ends before (UTC)", stamp(period.window.end)),
        ("Time zone", period.time_zone),
        ("Fiscal period", standing.fiscal),
        ("Books", ", ".join(f"{month} {state}" for month, state in standing.states.items())),
        ("Currency", facts.currency),
        ("Teams", "all" if definition.teams is None else ", ".join(definition.teams)),
        ("Total", text_of(amount(total.get("cost", 0)))),
        *((title, str(total.get(name, 0))) for title, name in _COUNTED.items()),
        ("Price book", origin.price_book),
        ("Code", origin.code),
    ]
    return Table("about", "About this report", (Column("fact", "Fact"), Column("value", "Value")), rows)


_COUNTED = {
    "Requests": "requests",
    "Ledger entries": "entries",
    "Requests without a price": "unpriced",
    "Requests with estimated usage": "estimated",
    "Requests still running": "pending",
}


def _coverage(facts: Facts) -> Table:
    rows: list[Row] = [
        (team, month, head.sequence, head.events, head.sums.get("entries", 0), head.digest, head.last_posted_at)
        for (team, month), head in sorted(facts.heads.items())
    ]
    columns = (
        Column("team", "Team"),
        Column("month", "UTC month"),
        Column("sequence", "Postings", Kind.INTEGER),
        Column("events", "Usage events", Kind.INTEGER),
        Column("entries", "Ledger entries", Kind.INTEGER),
        Column("digest", "Digest"),
        Column("last_posted_at", "Last posting", Kind.MOMENT),
    )
    note = "The report covers everything that had been posted to these partitions of the ledger up to the posting named here."
    return Table("coverage", "Coverage", columns, rows, note=note)
