"""`python -m tests.load.reports`: a month of a million calls, reported in every format: seconds, memory and bytes."""

import argparse
import asyncio
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import batched, product
from pathlib import Path
from tempfile import TemporaryDirectory

from shared.adapters.report_files import ReportFiles
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.clock import SystemClock
from shared.documents import Upsert
from shared.finance.building import Origin
from shared.finance.facts import Days
from shared.finance.model import ReportConfig, ReportKind
from shared.finance.service import ReportService
from shared.finance.signing import ReportSigner
from shared.jobs.counted_ledger import CountedLedger
from shared.ledger.documents import PARTITIONS, cell_document, head_document
from shared.ledger.model import CONTAINER, Cell, CellKey, Dimensions, Grain, Head, View, add
from shared.redaction import Secret
from shared.windows import CalendarPeriod, Period
from tests.load.table import grid

START = datetime(2026, 11, 1, tzinfo=UTC)
MONTH = "2026-11"
TEAMS, USERS, DAYS = 40, 50, 30
APPLICATIONS, MODELS = ("chat", "code"), ("gpt-4.1", "o4-mini")
EVERY_S = 0.05
SHOWN = {"seconds": ".1f", "cpu": ".1f", "peak": ".0f", "more": ".0f", "mb": ".1f", "ms": ".0f"}


class Open:
    """Books that nobody has closed."""

    async def state(self, month: str) -> str:
        return "open"

    def fiscal_label(self, at: datetime) -> str:
        return f"FY{at.year}-P{at.month:02}"


def month() -> Days:
    return Days(MONTH, CalendarPeriod(Period.MONTH).at(START), "UTC")


def cells_of_team(team: str, calls: int) -> Iterator[Cell]:
    """Return what the ledger keeps of a team's month: its calls spread at random over people, applications, models and days."""
    chance = random.Random(team)
    combinations = [
        Dimensions(
            team, application=application, user=f"{team}-{user}", key=f"vk_{team}_{user}", cost_center=f"cc-{team[-1]}", model=model,
            deployment=f"{model}-east", provider="azure_openai", region="global", tier="default", endpoint="chat.completions",
        )
        for user, application, model in product(range(USERS), APPLICATIONS, MODELS)
    ]  # fmt: skip
    days: dict[tuple[Dimensions, datetime], dict[str, int]] = {}
    for _ in range(calls):
        key = (chance.choice(combinations), START + timedelta(days=chance.randrange(DAYS)))
        sums = days.setdefault(key, {})
        tokens, answer = chance.randrange(100, 9000), chance.randrange(10, 900)
        for name, number in _call(tokens, answer, chance.randrange(60)):
            sums[name] = sums.get(name, 0) + number
    months: dict[Dimensions, dict[str, int]] = {}
    totals: dict[datetime, dict[str, int]] = {}
    for (dimensions, day), sums in days.items():
        yield Cell(CellKey(View.DETAIL, Grain.DAY, day, dimensions), sums)
        months[dimensions] = add(months.get(dimensions, {}), sums)
        totals[day] = add(totals.get(day, {}), sums)
    yield from (Cell(CellKey(View.DETAIL, Grain.MONTH, START, dimensions), sums) for dimensions, sums in months.items())
    yield from (Cell(CellKey(View.TOTAL, Grain.DAY, day, Dimensions(team)), sums) for day, sums in totals.items())


def _call(tokens: int, answer: int, bin: int) -> list[tuple[str, int]]:
    cached = tokens // 3
    lines = {"input_fresh": (tokens - cached) * 2000, "input_cached": cached * 500, "output_text": answer * 8000}
    counted = {"tokens.input_fresh": tokens - cached, "tokens.input_cached": cached, "tokens.output_text": answer}
    return [
        *counted.items(),
        *((f"cost.{name}", cost) for name, cost in lines.items()),
        ("cost", sum(lines.values())),
        ("requests", 1),
        ("entries", 1),
        ("saved.cache", cached * 1500),
        (f"latency.{bin}", 1),
    ]


async def fill(path: Path, calls: int) -> int:
    """Write the month's cells and return how many there are."""
    documents = SqliteDocuments(path, SystemClock())
    count = 0
    for number in range(TEAMS):
        team = f"team-{number:02}"
        cells = list(cells_of_team(team, calls // TEAMS))
        count += len(cells)
        for batch in batched(cells, 100, strict=False):
            await documents.batch(CONTAINER, f"{team}|{MONTH}", [Upsert(cell_document(cell)) for cell in batch])
        head = Head(
            calls // TEAMS, calls // TEAMS, {"entries": calls // TEAMS}, f"{number:064}", START + timedelta(days=DAYS)
        )
        await documents.upsert(CONTAINER, f"{team}|{MONTH}", head_document(head))
        await documents.upsert(CONTAINER, PARTITIONS, {"id": f"{MONTH}|{team}", "team": team, "month": MONTH})
    await documents.close()
    return count


async def report(path: Path, directory: Path, kind: ReportKind) -> dict[str, float]:
    """Make one report and return seconds, the longest time that the event loop stood still, megabytes, and bytes written."""
    documents = SqliteDocuments(path, SystemClock())

    async def signer() -> ReportSigner:
        return ReportSigner(Secret("a secret that is long enough for this"))

    storage = ReportFiles(directory)
    service = ReportService(
        CountedLedger(documents, SystemClock(), "UTC"), Open(), storage, signer, lambda: Origin("prices", "bench")
    )
    before = _megabytes()
    stalls = asyncio.create_task(_longest_stall())
    begun, cpu_begun = time.perf_counter(), time.process_time()
    made = await service.run(
        ReportConfig(name="bench", kind=kind),
        month(),
        "run",
        START + timedelta(days=31),
        f"{MONTH}/{kind}",
        lambda *_: None,
    )
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu_begun
    stalls.cancel()
    (stall,) = await asyncio.gather(stalls)
    await documents.close()
    size = sum(output.bytes for output in made.manifest.outputs)
    requests = made.manifest.totals["requests"]
    return {
        "seconds": seconds, "cpu": cpu, "stall": stall, "before": before, "peak": _megabytes(), "size": size, "requests": int(str(requests))
    }  # fmt: skip


async def _longest_stall() -> float:
    longest, last = 0.0, time.perf_counter()
    try:
        while True:
            await asyncio.sleep(EVERY_S)
            now = time.perf_counter()
            longest, last = max(longest, now - last - EVERY_S), now
    except asyncio.CancelledError:
        return longest


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_own_process(path: Path, directory: Path, kind: ReportKind) -> dict[str, float]:
    """Peak memory is that of a process: each report gets one."""
    command = [
        sys.executable,
        "-m",
        "tests.load.reports",
        "--one",
        kind,
        "--database",
        str(path),
        "--out",
        str(directory),
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.reports", description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--one", type=ReportKind, help=argparse.SUPPRESS)
    parser.add_argument("--database", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(asyncio.run(report(options.database, options.out, options.one))))
        return 0
    with TemporaryDirectory() as directory:
        path = Path(directory) / "ledger.db"
        cells = asyncio.run(fill(path, options.calls))
        rows = [
            [
                "report, all its formats",
                "seconds",
                "CPU seconds",
                "peak RSS MB",
                "over the start",
                "files MB",
                "longest stall ms",
            ]
        ]
        for kind in ReportKind:
            figures = in_own_process(path, Path(directory) / "out", kind)
            assert figures["requests"] == options.calls // TEAMS * TEAMS
            figures |= {
                "more": figures["peak"] - figures["before"],
                "mb": figures["size"] / 1e6,
                "ms": figures["stall"] * 1000,
            }
            rows.append([kind, *(format(figures[name], form) for name, form in SHOWN.items())])
    print(grid(rows))
    print(
        f"\n{options.calls:,} calls of {TEAMS} teams in {cells:,} cells of SQLite; every report in a process of its own."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
