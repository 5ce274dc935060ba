"""Reads the ledger for a report, a team at a time: each team is seen in one state, and its details must come to its total."""

from collections.abc import AsyncIterator, Callable, Collection
from datetime import date
from typing import Protocol

from shared.finance.facts import Days, Facts, Key, pour, without_zeros
from shared.finance.ports import LedgerReader
from shared.finance.report import ReportRefused
from shared.ledger.model import Cell, EntryType, Grain, Head, View, months_of

TRIES = 6
_MUST_AGREE = ("cost", "requests", "entries", "unpriced")

type ByDay = dict[date, dict[str, int]]

type Told = Callable[[float], None]
"""Hears what share is done, from 0 to 1."""


class Sink(Protocol):
    """Takes the detailed cells of one team after the other. What was added since the last `keep` can be dropped."""

    def add(self, cell: Cell) -> None: ...

    def keep(self) -> None: ...

    def drop(self) -> None: ...


class Groups:
    """Adds cells up by some of their dimensions."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.kept: dict[Key, dict[str, int]] = {}
        self._names = names
        self._new: dict[Key, dict[str, int]] = {}

    def add(self, cell: Cell) -> None:
        dimensions = cell.key.dimensions
        key = tuple([None if (value := getattr(dimensions, name)) is None else str(value) for name in self._names])
        pour(cell.sums, self._new.setdefault(key, {}))

    def keep(self) -> None:
        for key, sums in self._new.items():
            pour(sums, self.kept.setdefault(key, {}))
        self._new = {}

    def drop(self) -> None:
        self._new = {}


class Gathering:
    """Reads what one report is made of."""

    def __init__(self, ledger: LedgerReader, period: Days, teams: Collection[str] | None) -> None:
        if not period.are_whole_days:
            raise ReportRefused(f"A report covers whole days of the time zone {period.time_zone}.")
        self._ledger, self._period, self._teams = ledger, period, teams
        self._days: dict[tuple[str, date], dict[str, int]] = {}
        self._corrections: dict[tuple[str, date], dict[str, int]] = {}
        self._heads: dict[tuple[str, str], Head] = {}
        self._currencies: set[str] = set()

    async def run(
        self, names: tuple[str, ...], grain: Grain, sinks: Collection[Sink], told: Told, today: date
    ) -> Facts:
        """Read every team. Raises ReportRefused, BooksRecounted and StoreUnavailable."""
        groups = Groups(names)
        await self._ledger.check(Grain.MONTH, self._period.window, self._teams)
        teams = await self._all_teams()
        for number, team in enumerate(teams):
            await self._read(team, grain, (groups, *sinks))
            told((number + 1) / len(teams))
        # Once more: the counting may have begun meanwhile.
        await self._ledger.check(Grain.MONTH, self._period.window, self._teams)
        if len(self._currencies) > 1:
            raise ReportRefused(f"The period holds costs in several currencies: {', '.join(sorted(self._currencies))}.")
        total: dict[str, int] = {}
        for sums in self._days.values():
            pour(sums, total)
        kept = {key: clean for key, sums in groups.kept.items() if (clean := without_zeros(sums))}
        currency = next(iter(self._currencies), "USD")
        return Facts(
            self._period,
            names,
            kept,
            without_zeros(total),
            self._days,
            self._heads,
            currency,
            today,
            corrections=self._corrections,
        )

    async def _all_teams(self) -> list[str]:
        heads = await self._ledger.heads(self._period.window)
        return sorted({team for team, _ in heads if self._teams is None or team in self._teams})

    async def _read(self, team: str, grain: Grain, sinks: Collection[Sink]) -> None:
        """Read until nothing was posted for these days meanwhile: an open day may change under the reader's eyes."""
        before = await self._days_of(team)
        for _ in range(TRIES):
            heads = await self._heads_of(team)
            details = await self._details(team, grain, sinks)
            after = await self._days_of(team)
            if after == before:
                days, corrections = after
                self._check(team, details, days)
                for sink in sinks:
                    sink.keep()
                if days:
                    self._days |= {(team, day): sums for day, sums in days.items()}
                    self._corrections |= {(team, day): sums for day, sums in corrections.items()}
                    self._heads |= heads
                return
            before = after
            for sink in sinks:
                sink.drop()
        raise ReportRefused(
            f"Usage of the team {team} is posted faster than it can be read; ask for days that are over."
        )

    async def _days_of(self, team: str) -> tuple[ByDay, ByDay]:
        """Return what each day comes to, and what of that are adjustments."""
        days: ByDay = {}
        corrections: ByDay = {}
        async for cell in self._cells(View.TOTAL, Grain.DAY, team):
            day = self._period.date_of(cell.key.start)
            pour(cell.sums, days.setdefault(day, {}))
            if cell.key.dimensions.type is EntryType.ADJUSTMENT:
                pour(cell.sums, corrections.setdefault(day, {}))
            if cell.cost:
                self._currencies.add(cell.key.dimensions.currency)
        return days, corrections

    async def _heads_of(self, team: str) -> dict[tuple[str, str], Head]:
        months = list(months_of(self._period.window))
        heads = [await self._ledger.head(team, month) for month in months]
        return {(team, month): head for month, head in zip(months, heads, strict=True) if head.sequence}

    async def _details(self, team: str, grain: Grain, sinks: Collection[Sink]) -> dict[str, int]:
        total = dict.fromkeys(_MUST_AGREE, 0)
        async for cell in self._cells(View.DETAIL, grain, team):
            for name in _MUST_AGREE:
                total[name] += cell.sums.get(name, 0)
            for sink in sinks:
                sink.add(cell)
        return total

    def _cells(self, view: View, grain: Grain, team: str) -> AsyncIterator[Cell]:
        return self._ledger.cells(view, grain, self._period.window, (team,))

    def _check(self, team: str, details: dict[str, int], days: ByDay) -> None:
        for name in _MUST_AGREE:
            total = sum(sums.get(name, 0) for sums in days.values())
            if details[name] != total:
                raise ReportRefused(
                    f"The ledger's details of the team {team} do not come to its total ({name}: {details[name]} and {total}). "
                    "Reconcile the team's month, then ask for the report again."
                )
