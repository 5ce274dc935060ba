"""Runs the code itself in virtual time, on a store in memory that takes as long as the simulated one, to hold the simulation to it."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any, cast

import orjson

from shared.documents import Document, DocumentStore, Operation, StoreUnavailable
from shared.jobs.usage_ingest import ingest
from shared.leases.model import Allowance
from shared.leases.service import Leases
from shared.ledger.service import LedgerService
from shared.windows import CalendarPeriod, Period
from tests.fakes import MemoryDocuments
from tests.load.scale.facts import BATCH_S, CPU_PER_EVENT_US, DELIVERY_S, READ_S, WRITE_S
from tests.load.scale.virtual_time import VirtualClock, run
from tests.shared.ledger import synthetic

OPENING_S = 5.0
BUDGET = Allowance("budget", 10**12, CalendarPeriod(Period.MONTH))


class SlowDocuments:
    """Calls take `pace` times as long as the simulation says, and happen in the middle of that time.

    `calls` and `refused` are counted by name.
    """

    def __init__(self, store: MemoryDocuments, pace: float = 1.0) -> None:
        self._store, self._pace = store, pace
        self.calls: dict[str, int] = {}
        self.refused: dict[str, int] = {}

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        return lambda *args, **more: self._after(name, READ_S.value if name == "get" else WRITE_S.value, args, more)

    async def batch(
        self, container: str, partition: str, operations: Sequence[Operation]
    ) -> tuple[Document | None, ...]:
        seconds = WRITE_S.value + (BATCH_S.value - WRITE_S.value) * len(operations) / 100
        result = await self._after("batch", seconds, (container, partition, operations), {})
        return cast("tuple[Document | None, ...]", result)

    async def _after(self, name: str, seconds: float, args: Sequence[Any], more: dict[str, Any]) -> Any:
        half_s = seconds * self._pace / 2
        await asyncio.sleep(half_s)
        self.calls[name] = self.calls.get(name, 0) + 1
        try:
            return await getattr(self._store, name)(*args, **more)
        except Exception:
            self.refused[name] = self.refused.get(name, 0) + 1
            raise
        finally:
            await asyncio.sleep(half_s)


async def _post(instances: int, seconds: float, batch: int) -> tuple[float, float]:
    clock = VirtualClock()
    slow = SlowDocuments(MemoryDocuments(clock))
    documents = cast("DocumentStore", slow)
    numbers, posted = count(), 0

    def delivery() -> list[bytes]:
        made = []
        for number in (next(numbers) for _ in range(batch)):
            who = number % 20
            at = clock.now() - timedelta(seconds=1)
            made.append(orjson.dumps(synthetic.event(f"req_{number:09}", at, user=f"user-{who}", key=f"vk_{who}")))
        return made

    async def instance() -> None:
        nonlocal posted
        intake = synthetic.intake(documents, clock)
        intake = replace(intake, ledger=LedgerService(documents, clock, time_zone="UTC"))
        last_use = synthetic.last_use(cast("DocumentStore", MemoryDocuments(clock)), clock)
        while True:
            bodies = delivery()
            await asyncio.sleep(batch * CPU_PER_EVENT_US.value / 1e6)
            while True:
                try:
                    new = await ingest(bodies, intake, last_use)
                    break
                except StoreUnavailable:
                    await asyncio.sleep(1.0)
            posted += new
            await asyncio.sleep(DELIVERY_S.value)

    tasks = [asyncio.get_running_loop().create_task(instance()) for _ in range(instances)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return posted / seconds, slow.refused.get("batch", 0) / seconds


def posting(instances: int, seconds: float = 10.0, batch: int = 500) -> tuple[float, float]:
    """Let instances post to one partition as fast as they can: events and refused batches a second."""
    random.seed(1)
    return run(_post(instances, seconds, batch))


@dataclass(slots=True)
class Spending:
    """Reports a second that were stored, and that lost a race; how many calls were turned away, and how long the first ones waited."""

    reported: float = 0.0
    lost_races: float = 0.0
    turned_away: int = 0
    waits_s: list[float] = field(default_factory=list)


async def _spend(instances: int, seconds: float, pace: float) -> Spending:
    clock, result = VirtualClock(), Spending()
    slow = SlowDocuments(MemoryDocuments(clock), pace)
    loop = asyncio.get_running_loop()

    async def instance(number: int) -> None:
        leases = Leases(cast("DocumentStore", slow), clock, f"i{number}", lambda work: _keep(loop.create_task(work)))
        for second in count():
            begun = loop.time()
            try:
                (await leases.take(BUDGET, 10)).settle(5)
            except StoreUnavailable:
                result.turned_away += 1
            if not second:
                result.waits_s.append(loop.time() - begun)
            await asyncio.sleep(1.0 if second else number / instances)
            await leases.tend()

    tasks = [loop.create_task(instance(number)) for number in range(instances)]
    await asyncio.sleep(OPENING_S)
    before = slow.calls.get("replace", 0), slow.refused.get("replace", 0)
    await asyncio.sleep(seconds)
    tried, lost = slow.calls.get("replace", 0) - before[0], slow.refused.get("replace", 0) - before[1]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    result.reported, result.lost_races = (tried - lost) / seconds, lost / seconds
    result.waits_s.sort()
    return result


_TASKS: set[asyncio.Task[None]] = set()


def _keep(task: asyncio.Task[None]) -> None:
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)


def spending(instances: int, seconds: float = 20.0, pace: float = 1.0) -> Spending:
    """Let instances open a new budget together, and then spend of it, each a call a second.

    Races are counted from OPENING_S on, in a store that takes `pace` times as long as is assumed.
    """
    random.seed(1)
    return run(_spend(instances, seconds, pace))
