"""`python -m tests.load.leases`: limits and budgets shared by processes: overshoot, what is stranded, and what it costs."""

import argparse
import asyncio
import itertools
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from shared.adapters.sqlite_documents import SqliteDocuments
from shared.clock import SystemClock
from shared.leases.model import Allowance, Held, Smooth
from shared.leases.service import Leases
from shared.money import NANO
from shared.runtime import Background
from shared.windows import CalendarPeriod, FixedWindow, Period
from tests.fakes import MemoryDocuments
from tests.load import table
from tests.load.lease_worker import BUDGET, ESTIMATE, REQUESTS, Outcome, fleet
from tests.shared.watched_documents import Watched, port

PROCESSES, CALLERS = 8, 200
LEAD_S, SECONDS = 4.0, 8.0
RATE, STEADY_S = 100, 10
WARM_CALLS = 50_000
KINDS = {
    "requests per minute, fixed": Allowance("fixed", 60_000, FixedWindow(60)),
    "requests per minute, smooth": Allowance("smooth", 60_000, Smooth(60)),
    "budget per month": Allowance("budget", 10**6, CalendarPeriod(Period.MONTH, "Europe/Berlin")),
    "concurrency": Allowance("slots", 1000, Held()),
    "budget that only counts": Allowance("counts", None, CalendarPeriod(Period.MONTH)),
}


def race(which: Allowance) -> list[str]:
    """Let all processes want more than there is, and return a line of the table."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "counters.db"
        outcomes = asyncio.run(fleet(path, which.name, PROCESSES, CALLERS, LEAD_S, SECONDS))
    return race_line(which, outcomes)


def race_line(which: Allowance, outcomes: Sequence[Outcome]) -> list[str]:
    limit, unit = which.limit or 0, NANO if which is BUDGET else 1
    uses = sorted(itertools.chain.from_iterable(outcome.uses for outcome in outcomes))
    used = sum(amount for _, amount in uses)
    running = itertools.accumulate(amount for _, amount in uses)
    most = next((at for (at, _), total in zip(uses, running, strict=True) if total >= 0.99 * limit), float("inf"))
    return [
        f"{which.name}: {limit / unit:g}",
        f"{len(uses):,}",
        f"{used / unit:g}",
        f"{max(0, used - limit) / unit:g}",
        f"{max(0, limit - used) / unit:.4g}",
        f"{max(0, limit - used) / limit:.2%}",
        f"{sum(outcome.refused for outcome in outcomes):,}",
        f"{most - uses[0][0]:.1f}",
        f"{uses[-1][0] - uses[0][0]:.1f}",
    ]


async def steady(allowance: Allowance) -> tuple[float, int]:
    """Return store calls per 1,000 requests at a steady rate, and how many requests had to wait for the store."""
    with tempfile.TemporaryDirectory() as directory:
        documents, background = SqliteDocuments(Path(directory) / "counters.db", SystemClock()), Background()
        watched = Watched(documents)
        leases = Leases(port(watched), SystemClock(), "inst", background.spawn)
        waits, requests, start = 0, RATE * STEADY_S, time.monotonic()
        for number in range(requests):
            await asyncio.sleep(max(0.0, start + number / RATE - time.monotonic()))
            taken = leases.take_now(allowance, 1)
            waits += taken is None
            (taken or await leases.take(allowance, 1)).settle(1)
            if number % RATE == RATE - 1:
                await leases.tend()
        calls = len(watched.calls)
        await leases.close()
        await background.finish()
        await documents.close()
    return calls * 1000 / requests, waits


async def warm(allowance: Allowance) -> tuple[float, float]:
    """Return µs of CPU for taking and settling, and for the level, from memory."""
    background = Background()
    leases = Leases(MemoryDocuments(SystemClock()), SystemClock(), "inst", background.spawn)
    for _ in range(50):
        (await leases.take(allowance, 1)).settle(0)
        await background.finish()
    start = time.process_time()
    for _ in range(WARM_CALLS):
        taken = leases.take_now(allowance, 1)
        (taken or await leases.take(allowance, 1)).settle(0)
    spent = time.process_time() - start
    start = time.process_time()
    for _ in range(WARM_CALLS):
        leases.level(allowance)
    looked = time.process_time() - start
    await background.finish()
    return spent / WARM_CALLS * 1e6, looked / WARM_CALLS * 1e6


def costs() -> list[list[str]]:
    lines = [["at 100 requests/s", "store calls per 1,000", "waited for the store", "µs take and settle", "µs level"]]
    for name, allowance in KINDS.items():
        calls, waits = asyncio.run(steady(allowance))
        microseconds, looking = asyncio.run(warm(allowance))
        lines.append([name, f"{calls:.0f}", str(waits), f"{microseconds:.2f}", f"{looking:.2f}"])
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    argparse.ArgumentParser(prog="python -m tests.load.leases", description=__doc__).parse_args(arguments)
    names = ("limit", "admitted", "used", "overshoot", "stranded", "share", "refusals", "s to 99 %", "s to the last")
    races = [race(REQUESTS), race(BUDGET)]
    print(table.grid([names, *races]))
    print(
        f"\n{PROCESSES} processes of {CALLERS} concurrent callers on one SQLite file. A call of the budget reserves "
        f"{ESTIMATE / NANO:g} and uses a random share of it.\nCallers who are refused come back after 0.25 s, "
        f"for {SECONDS:g} s at most; what is still left then is stranded.\n"
    )
    print(table.grid(costs()))
    return 0 if all(line[3] == "0" for line in races) else 1


if __name__ == "__main__":
    sys.exit(main())
