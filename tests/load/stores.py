"""`python -m tests.load.stores`: what the two document stores do in a second, side by side."""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from shared.adapters.sqlite_documents import SqliteDocuments
from shared.clock import SystemClock
from shared.documents import Create, DocumentStore
from tests.load import table
from tests.peers.cosmos import cosmos_peer
from tests.shared.adapters.cosmos_line import CosmosLine

AT_ONCE = 16
BATCH = 10
CONTAINER = "bench"
OPERATIONS = ("point read", "upsert", "conditional increment", f"batch of {BATCH}")


async def per_second(count: int, work: Callable[[int], Awaitable[object]]) -> float:
    numbers: Iterator[int] = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            await work(number)

    begun = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return count / (time.perf_counter() - begun)


async def measure(store: DocumentStore, count: int) -> list[float]:
    await store.upsert(CONTAINER, "p", {"id": "counter", "n": 0})

    async def upsert(number: int) -> object:
        return await store.upsert(CONTAINER, "p", {"id": f"d{number}", "number": number, "text": "x" * 500})

    async def read(number: int) -> object:
        return await store.get(CONTAINER, "p", f"d{number}")

    async def increment(number: int) -> object:
        return await store.increment(CONTAINER, "p", "counter", "n", 1, ceiling=10 * count)

    async def batch(number: int) -> object:
        documents = ({"id": f"b{number}-{each}", "text": "x" * 500} for each in range(BATCH))
        return await store.batch(CONTAINER, "p", [Create(document) for document in documents])

    upserts = await per_second(count, upsert)
    return [
        await per_second(count, read),
        upserts,
        await per_second(count, increment),
        await per_second(max(AT_ONCE, count // BATCH), batch),
    ]


async def on_sqlite(directory: Path, count: int) -> list[float]:
    store = SqliteDocuments(directory / "bench.db", SystemClock())
    try:
        return await measure(store, count)
    finally:
        await store.close()


async def on_peer(directory: Path, count: int) -> list[float]:
    with cosmos_peer(directory) as peer:
        line = CosmosLine(peer, "bench")
        try:
            return await measure(line.store(), count)
        finally:
            await line.close()


@contextmanager
def scratch() -> Iterator[Path]:
    with TemporaryDirectory() as directory:
        yield Path(directory)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    count = parser.parse_args().count
    lines = [[f"per second, {AT_ONCE} at a time", *OPERATIONS]]
    with scratch() as directory:
        figures = {
            "SQLite, synchronous=FULL": asyncio.run(on_sqlite(directory, count)),
            "azure-cosmos, loopback peer": asyncio.run(on_peer(directory, count // 10)),
        }
    lines += [[name, *(f"{each:,.0f}" for each in rates)] for name, rates in figures.items()]
    print(table.grid(lines))
    print(
        "\nThe peer is a JavaScript server with its state in memory: its figures are the SDK's cost, not Cosmos DB's."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
