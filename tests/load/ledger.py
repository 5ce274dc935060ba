"""`python -m tests.load.ledger`: how fast events become entries and rollups, what that costs, and that nothing is lost in it."""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import batched
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from typing import Any, cast

import orjson

from shared.adapters.sqlite_documents import SqliteDocuments
from shared.catalog.service import load_book
from shared.clock import SystemClock
from shared.documents import Create, Delete, Document, DocumentStore, Json, Operation, Replace, Upsert
from shared.jobs.usage_ingest import Intake, ingest, rating_of
from shared.ledger.model import Grain, View, accumulate, add, grouped, total_of
from shared.ledger.posting import entry_of
from shared.ledger.store import LedgerStore
from shared.windows import Window
from tests.load import table
from tests.shared.ledger import synthetic

BATCHES = (1, 32, 256)
TEAMS = 12
AN_HOUR = timedelta(hours=1)
OCTOBER = Window("2026-10", datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
VIEWS = ((View.DETAIL, View.TOTAL), tuple(Grain))


@dataclass(slots=True)
class Bill:
    """What the calls of a store would come to in Cosmos DB.

    In request units, by https://learn.microsoft.com/azure/cosmos-db/optimize-cost-reads-writes: a point read of 1 KB costs 1, of 100 KB
    10; a write of 1 KB 5, of 100 KB 50; in between a line is drawn. A read that finds nothing counts as 1 KB. What an index adds
    is left out: it depends on the container's indexing policy.
    """

    calls: int = 0
    reads: int = 0
    writes: int = 0
    units: float = 0.0

    def read(self, document: Document | None) -> None:
        self.calls += 1
        self.reads += 1
        self.units += 1 + 9 * _beyond_first(document.body if document else {})

    def write(self, document: Json) -> None:
        self.writes += 1
        self.units += 5 + 45 * _beyond_first(document)


def _beyond_first(document: Json) -> float:
    """Return the size beyond the first kilobyte, in units of the 99 up to the hundredth."""
    return max(len(orjson.dumps(document, default=dict)) / 1024 - 1, 0) / 99


class Billed:
    """Passes calls on to a store and keeps the bill."""

    def __init__(self, store: DocumentStore) -> None:
        self._store, self.bill = store, Bill()

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        return cast("Callable[..., Awaitable[Any]]", getattr(self._store, name))

    async def get(self, container: str, partition: str, id: str) -> Document | None:
        document = await self._store.get(container, partition, id)
        self.bill.read(document)
        return document

    async def upsert(self, container: str, partition: str, document: Json, ttl_s: int | None = None) -> Document:
        self.bill.calls += 1
        self.bill.write(document)
        return await self._store.upsert(container, partition, document, ttl_s)

    async def batch(self, container: str, partition: str, operations: Sequence[Operation]) -> Any:
        self.bill.calls += 1
        for operation in operations:
            match operation:
                case Create(document) | Upsert(document) | Replace(document):
                    self.bill.write(document)
                case Delete():
                    self.bill.writes += 1
        return await self._store.batch(container, partition, operations)


def intake_on(documents: DocumentStore) -> Intake:
    book = load_book()
    intake = synthetic.intake(documents, SystemClock(), lambda event: rating_of(event, book))
    return replace(intake, clock=_Later())


class _Later(SystemClock):
    """A moment after the synthetic month, whenever this runs."""

    def now(self) -> datetime:
        return max(super().now(), OCTOBER.end)


async def feed(documents: DocumentStore, bodies: Iterable[bytes], size: int) -> int:
    intake, last_use = intake_on(documents), synthetic.last_use(documents, SystemClock())
    return sum([await ingest(batch, intake, last_use) for batch in batched(bodies, size, strict=False)])


async def ingestion(directory: Path, count: int, size: int) -> list[str]:
    """Return a line of the table: what one batch size does with the same events."""
    bodies = [orjson.dumps(event) for event in synthetic.events(count, TEAMS, AN_HOUR)]
    speeds = []
    store = SqliteDocuments(directory / f"speed-{size}.db", SystemClock())
    begun, cpu = time.perf_counter(), time.process_time()
    await feed(store, bodies, size)
    speeds = [count / (time.perf_counter() - begun), 1e6 * (time.process_time() - cpu) / count]
    await store.close()
    other = SqliteDocuments(directory / f"bill-{size}.db", SystemClock())
    billed = Billed(other)
    await feed(cast("DocumentStore", billed), bodies, size)
    await other.close()
    bill = billed.bill
    figures = [bill.calls / count, bill.reads / count, bill.writes / count, bill.units / count]
    return [str(size), *(f"{each:,.0f}" for each in speeds), *(f"{each:.2f}" for each in figures)]


async def rollups(store: DocumentStore) -> list[list[str]]:
    """Return how long the questions of a page take."""
    ledger = LedgerStore(store)
    questions: dict[str, tuple[View, Grain, list[str] | None, tuple[str, ...]]] = {
        "a month by day, one team": (View.TOTAL, Grain.DAY, ["team-00"], ("team",)),
        "a month by day, all teams": (View.TOTAL, Grain.DAY, None, ("team",)),
        "a month by hour, one team": (View.TOTAL, Grain.HOUR, ["team-00"], ("team",)),
        "a month by model, all teams": (View.DETAIL, Grain.MONTH, None, ("model",)),
        "a month by user and model, one team": (View.DETAIL, Grain.MONTH, ["team-03"], ("user", "model")),
        "a month by day and model, one team": (View.DETAIL, Grain.DAY, ["team-03"], ("model",)),
        "a month by tag, all teams": (View.TAG, Grain.MONTH, None, ("team",)),
    }
    lines = [["rollup query", "ms", "cells"]]
    for name, (view, grain, teams, dimensions) in questions.items():
        begun = time.perf_counter()
        cells = [cell async for cell in ledger.cells(view, grain, OCTOBER, teams)]
        grouped(cells, *dimensions)
        lines.append([name, f"{1000 * (time.perf_counter() - begun):.1f}", str(len(cells))])
    return lines


async def reconciled(store: DocumentStore, events: Iterable[Json]) -> list[list[str]]:
    """Return the sums of the events themselves beside those of entries, cells and heads. Raises AssertionError."""
    ledger, book = LedgerStore(store), load_book()
    truth: dict[str, int] = {}
    for event in events:
        accumulate(truth, entry_of(event, rating_of(event, book), OCTOBER.end).counted())
    found = {"events": add(truth)}
    posted: dict[str, int] = {}
    async for entry in ledger.entries(OCTOBER):
        accumulate(posted, entry.counted())
    found["entries"] = add(posted)
    for view in VIEWS[0]:
        for grain in VIEWS[1]:
            found[f"cells, {view}, {grain}"] = total_of([cell async for cell in ledger.cells(view, grain, OCTOBER)])
    found["heads"] = add(*(head.sums for head in (await ledger.heads(OCTOBER)).values()))
    assert all(sums == found["events"] for sums in found.values()), "the ledger is not what happened"
    nanos = [[name, f"{sums['entries']:,}", f"{sums['cost']:,}"] for name, sums in found.items()]
    return [["sum of", "count", "nano-dollars"], *nanos]


async def whole_month(directory: Path, count: int) -> None:
    store = SqliteDocuments(directory / "month.db", SystemClock())
    begun = time.perf_counter()
    new = await feed(store, (orjson.dumps(event) for event in synthetic.events(count, TEAMS)), max(BATCHES))
    seconds = time.perf_counter() - begun
    assert new == count
    print(f"\nA month of {count:,} events in {seconds:,.1f} s ({count / seconds:,.0f}/s), {_size(directory)}\n")
    print(table.grid(await rollups(store)))
    begun = time.perf_counter()
    print(f"\n{table.grid(await reconciled(store, synthetic.events(count, TEAMS)))}")
    peak = getrusage(RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nEqual to the nano-dollar, in {time.perf_counter() - begun:,.1f} s; at most {peak:,.0f} MB of memory.")
    await store.close()


def _size(directory: Path) -> str:
    return f"{sum(file.stat().st_size for file in directory.glob('month.db*')) / 2**20:,.0f} MB on disk"


def _table(directory: Path, count: int) -> Iterator[list[str]]:
    yield ["batch", "events/s", "CPU µs/event", "calls", "reads", "writes", "RU/event"]
    for size in BATCHES:
        yield asyncio.run(ingestion(directory, count if size > 1 else max(count // 10, 1), size))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.ledger", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="events of the synthetic month (100,000)")
    parser.add_argument("--sample", type=int, default=20_000, help="events for each batch size (20,000)")
    parser.add_argument("--reconcile", action="store_true", help="only the month and its reconciliation")
    options = parser.parse_args()
    with TemporaryDirectory() as directory:
        if not options.reconcile:
            print(table.grid(list(_table(Path(directory), options.sample))))
        asyncio.run(whole_month(Path(directory), options.events))
    return 0


if __name__ == "__main__":
    sys.exit(main())
