"""One instance among several on one SQLite file, whose callers want more than one limit and one budget have."""

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from shared.adapters.sqlite_documents import SqliteDocuments
from shared.clock import SystemClock
from shared.documents import StoreUnavailable
from shared.leases.model import Allowance, Exhausted
from shared.leases.service import Leases
from shared.money import NANO
from shared.runtime import Background
from shared.windows import CalendarPeriod, FixedWindow, Period

REQUESTS = Allowance("requests", 1000, FixedWindow(86_400))
BUDGET = Allowance("budget", 10 * NANO, CalendarPeriod(Period.YEAR))
ESTIMATE = NANO // 50
ALLOWANCES = {each.name: each for each in (REQUESTS, BUDGET)}
_CALL_S = 0.02
_BACK_SOON_S = 0.25
_HOPELESS_S = 3600.0


@dataclass(slots=True)
class Outcome:
    """What the callers got: `uses` are (when, how much), times on the machine's monotonic clock."""

    uses: list[tuple[float, int]] = field(default_factory=list)
    refused: int = 0
    unavailable: int = 0


class Callers:
    def __init__(self, leases: Leases, allowance: Allowance, estimate: int, cost: Callable[[], int]) -> None:
        self.outcome = Outcome()
        self._leases, self._allowance = leases, allowance
        self._estimate, self._cost = estimate, cost

    async def run(self, many: int, until: float) -> None:
        await asyncio.gather(*(self._call_again(until) for _ in range(many)))

    async def _call_again(self, until: float) -> None:
        while time.monotonic() < until:
            try:
                await self._call()
            except Exhausted as refusal:
                self.outcome.refused += 1
                if self._allowance is BUDGET and refusal.retry_after_s > _HOPELESS_S:
                    return
                await asyncio.sleep(_BACK_SOON_S)
            except StoreUnavailable:
                self.outcome.unavailable += 1
                await asyncio.sleep(_BACK_SOON_S)

    async def _call(self) -> None:
        leases, allowance = self._leases, self._allowance
        taken = leases.take_now(allowance, self._estimate) or await leases.take(allowance, self._estimate)
        await asyncio.sleep(random.uniform(0.5, 1.5) * _CALL_S)
        actual = self._cost()
        taken.settle(actual)
        self.outcome.uses.append((time.monotonic(), actual))


async def work(path: Path, which: str, many: int, start: float, seconds: float) -> Outcome:
    """Let so many callers draw on the allowance from `start` on, for so many seconds at most."""
    documents, background = SqliteDocuments(path, SystemClock()), Background()
    leases = Leases(documents, SystemClock(), "inst", background.spawn)
    estimate, cost = (1, lambda: 1) if which == REQUESTS.name else (ESTIMATE, lambda: random.randint(0, ESTIMATE))
    callers = Callers(leases, ALLOWANCES[which], estimate, cost)
    await asyncio.sleep(max(0.0, start - time.monotonic()))
    upkeep = asyncio.create_task(_tend(leases))
    await callers.run(many, start + seconds)
    upkeep.cancel()
    await asyncio.wait({upkeep})
    await leases.close()
    await background.finish()
    await documents.close()
    return callers.outcome


async def _tend(leases: Leases) -> None:
    while True:
        await asyncio.sleep(1)
        await leases.tend()


def arguments(path: Path, which: str, many: int, start: float, seconds: float) -> list[str]:
    """The command line of this worker."""
    return [sys.executable, "-m", "tests.load.lease_worker", str(path), which, str(many), str(start), str(seconds)]


async def fleet(path: Path, which: str, processes: int, many: int, lead_s: float, seconds: float) -> list[Outcome]:
    """Run such workers side by side and return what each of them saw."""
    command = arguments(path, which, many, time.monotonic() + lead_s, seconds)
    root = Path(__file__).parents[2]
    workers = [
        await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=root)
        for _ in range(processes)
    ]
    printed = await asyncio.gather(*(worker.communicate() for worker in workers))
    return [Outcome(**json.loads(output)) for output, _ in printed]


def main(argv: Sequence[str]) -> None:
    path, which, many, start, seconds = argv
    outcome = asyncio.run(work(Path(path), which, int(many), float(start), float(seconds)))
    print(json.dumps(asdict(outcome)))


if __name__ == "__main__":
    main(sys.argv[1:])
