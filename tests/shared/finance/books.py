"""A ledger in memory that is made of entries, the state of its books, and storage that keeps what it is given."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from shared.finance.facts import Days
from shared.finance.ports import ReportExists, StorageUnavailable, checked_path, checked_prefix
from shared.ledger.model import (
    Cell,
    CellKey,
    Dimensions,
    Entry,
    EntryType,
    Grain,
    Head,
    View,
    add,
    cells_of,
    months_of,
    partition_of,
)
from shared.reconciliation.model import BooksRecounted, TeamSnapshot, Total
from shared.windows import CalendarPeriod, Period, Window

NOVEMBER = datetime(2026, 11, 15, 12, tzinfo=UTC)
NO_ZONE = "UTC"


def month(at: datetime = NOVEMBER, time_zone: str = NO_ZONE) -> Days:
    window = CalendarPeriod(Period.MONTH, time_zone).at(at)
    days = Days("", window, time_zone)
    return replace(days, label=f"{days.first:%Y-%m}")


def entry(id: str, cost: int | None = 1_500_000_000, at: datetime = NOVEMBER, **given: object) -> Entry:
    """Return a usage entry, or another type of one, of a call with a few tokens."""
    named = {name: given.pop(name) for name in tuple(given) if name in Dimensions.__slots__}
    dimensions = Dimensions(**{"team": "search", "model": "gpt-4.1", "deployment": "east", **named})  # type: ignore[arg-type]
    sums = {"requests": 1, "tokens.input_fresh": 1000, "tokens.output_text": 500}
    lines = {} if not cost else {"input_fresh": cost // 3, "output_text": cost - cost // 3}
    fields: dict[str, object] = {"sums": sums, "lines": lines, "cost": cost, **given}
    return Entry(id=id, at=at, posted_at=at, dimensions=dimensions, **fields)  # type: ignore[arg-type]


def busy_month() -> list[Entry]:
    """Return a month with everything that can happen in one."""
    provisioned: Any = {"type": EntryType.ALLOCATION, "capacity": "provisioned", "sums": {}, "lines": {}}
    return [
        entry("1", cost_center="R&D", application="chat", user="ada", project="apollo", provider="azure_openai"),
        entry("2", 7, cost_center="R&D", application="chat", user="bob", at=datetime(2026, 11, 1, tzinfo=UTC)),
        entry("3", 2_000_000_001, team="sales", cost_center="Sales", application="mail", user="eve", model="o4"),
        entry("4", None, team="sales", cost_center="Sales", application="mail", model="unknown", unpriced=("price",)),
        entry("5", 250_000_000, team="sales", model="o4", sums={"requests": 1, "errors.cut": 1, "estimated": 1}),
        entry("6", 4_000_000_000, team="ops", model="gpt-4.1", application="bot", **provisioned),
        entry("7", 1_000_000_000, team="ops", model=None, deployment=None, **provisioned),
        entry(
            "8",
            -500_000_000,
            cost_center="R&D",
            type=EntryType.ADJUSTMENT,
            sums={},
            lines={"input_fresh": -500_000_000},
        ),
        entry("9", 0, team="ops", sums={"requests": 3, "errors.rate_limited": 2, "errors.refused": 1}),
        entry(
            "10",
            800_000_000,
            cost_center="R&D",
            capacity="spillover",
            sums={
                "requests": 1,
                "tokens.input_cached": 900,
                "tokens.input_fresh": 100,
                "saved.cache": 300_000_000,
                "pending": 1,
            },
        ),
    ]


class MemoryLedger:
    """The LedgerReader of some entries. `before_cells` is called before each reading, and may post more.

    `left` partitions are being counted anew.
    """

    def __init__(self, entries: Iterable[Entry] = (), time_zone: str = NO_ZONE) -> None:
        self._time_zone = time_zone
        self.entries: list[Entry] = []
        self.all: dict[CellKey, dict[str, int]] = {}
        self.all_heads: dict[tuple[str, str], Head] = {}
        self.left = 0
        self.before_cells: Callable[[], None] = lambda: None
        self.post(*entries)

    def post(self, *entries: Entry) -> None:
        for each in entries:
            self.entries.append(each)
            for key in cells_of(each, self._time_zone):
                self.all[key] = add(self.all.get(key, {}), each.counted())
            partition = (each.dimensions.team, partition_of(each.dimensions.team, each.at)[-7:])
            head = self.all_heads.get(partition, Head())
            digest = sha256(f"{head.digest}{each.id}".encode()).hexdigest()
            sums = add(head.sums, each.counted())
            self.all_heads[partition] = Head(head.sequence + 1, head.events + 1, sums, digest, each.posted_at)

    async def cells(
        self, view: View, grain: Grain, window: Window, teams: Collection[str] | None = None
    ) -> AsyncIterator[Cell]:
        self.before_cells()
        for key, sums in sorted(self.all.items(), key=lambda each: each[0].id):
            is_meant = teams is None or key.dimensions.team in teams
            if is_meant and key.view is view and key.grain is grain and window.holds(key.start):
                yield Cell(key, dict(sums))

    async def check(self, grain: Grain, window: Window, teams: Collection[str] | None = None) -> None:
        if self.left:
            raise BooksRecounted("Asia/Kolkata", self.left, 12)

    async def head(self, team: str, month: str) -> Head:
        return self.all_heads.get((team, month), Head())

    async def heads(self, window: Window) -> dict[tuple[str, str], Head]:
        months = set(months_of(window))
        return {key: head for key, head in self.all_heads.items() if key[1] in months}


class FixedBooks:
    """Books whose months are open but for those named."""

    def __init__(self, **states: str) -> None:
        self.states = states
        self.snapshots: dict[str, list[TeamSnapshot]] = {}

    def close(self, month: str, ledger: MemoryLedger) -> None:
        """Close a month with what is in the ledger: its cost centers and teams."""
        totals: dict[tuple[str, str | None], dict[str, int]] = {}
        for entry in ledger.entries:
            key = (entry.dimensions.team, entry.dimensions.cost_center)
            totals[key] = add(totals.get(key, {}), entry.counted())
        self.states[f"m{month.replace('-', '_')}"] = "closed"
        self.snapshots[month] = [
            TeamSnapshot(team, NOVEMBER, (Total(center, "USD", sums),), {}, "")
            for (team, center), sums in totals.items()
        ]

    async def closed_with(self, month: str) -> AsyncIterator[TeamSnapshot]:
        for snapshot in self.snapshots.get(month, []):
            yield snapshot

    async def state(self, month: str) -> str:
        return self.states.get(f"m{month.replace('-', '_')}", "open")

    def fiscal_label(self, at: datetime) -> str:
        return f"FY{at.year}-P{at.month:02}"


class MemoryReports:
    """The ReportStorage port in a dictionary. While `is_down`, every call raises StorageUnavailable."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.is_down = False

    async def write(self, path: str, content: bytes | AsyncIterator[bytes], content_type: str) -> None:
        self._check()
        whole = content if isinstance(content, bytes) else b"".join([piece async for piece in content])
        if checked_path(path) in self.files:
            raise ReportExists(path)
        self.files[path] = whole

    async def read(self, path: str) -> bytes | None:
        self._check()
        return self.files.get(checked_path(path))

    async def list(self, prefix: str) -> list[str]:
        self._check()
        return sorted(path for path in self.files if path.startswith(checked_prefix(prefix)))

    async def close(self) -> None:
        pass

    def _check(self) -> None:
        if self.is_down:
            raise StorageUnavailable("the storage is down")
