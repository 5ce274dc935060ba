"""Simulates the way of usage events into the ledger: queue, instances, deliveries, postings, partitions."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import accumulate
from random import Random

from tests.load.scale.bus import SCALE_EVERY_S, Message, Queue, Sessions, wanted
from tests.load.scale.design import Design, Outcome
from tests.load.scale.facts import (
    BATCH_S,
    CPU_PER_EVENT_US,
    DELIVERY_S,
    READ_S,
    WRITE_S,
)
from tests.load.scale.partitions import Refused, Store
from tests.load.scale.posting import COMBINATIONS, Chunk, chunks, distinct
from tests.load.scale.virtual_time import run

ATTEMPTS, AT_ONCE = 12, 16
"""As in shared/ledger/service.py."""

FAILED_UNITS = 10.0
"""RU of a batch that is refused for its head. Assumed."""

LOOK_S = 0.02


class Ledger:
    """All instances, and what they share."""

    def __init__(
        self, design: Design, shares: Sequence[float], rate: float, seed: int, burst: tuple[float, float]
    ) -> None:
        self._design, self._rate, self._random, self._burst = design, rate, Random(seed), burst
        self._cumulative = list(accumulate(shares))
        self._queue = (Sessions if design.sessions else Queue)(design.credits)
        self._store = Store(design.units, min(design.partition_units, design.units))
        self._target = 1
        self._posted: list[float] = []
        self._conflicts = self._deliveries = 0

    async def run(self, seconds: float) -> Outcome:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(self._arrive()), loop.create_task(self._scale())]
        for number in range(self._design.most_instances):
            known: dict[int, int] = {}
            receivers = max(1, self._design.sessions)
            tasks += [loop.create_task(self._instance(number, known)) for _ in range(receivers)]
        await asyncio.sleep(seconds / 2)
        before = self._so_far()
        await asyncio.sleep(seconds / 2)
        after, outcome = self._so_far(), Outcome(self._rate, ages=self._posted[int(before[0]) :])
        outcome.posted, outcome.conflicts, outcome.throttled, outcome.units, outcome.deliveries = (
            (late - early) / (seconds / 2) for early, late in zip(before, after, strict=True)
        )
        outcome.oldest_s, outcome.instances = self._queue.oldest_s(loop.time()), self._target
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return outcome

    def _so_far(self) -> tuple[float, ...]:
        return len(self._posted), self._conflicts, self._store.throttled, self._store.charged, self._deliveries

    async def _arrive(self) -> None:
        now = asyncio.get_running_loop().time
        due, step = 0.0, 0.01
        while True:
            rate, until = self._burst
            due += (rate if now() < until else self._rate) * step
            while due >= 1:
                self._queue.put((now(), self._partition()))
                due -= 1
            await asyncio.sleep(step)

    async def _scale(self) -> None:
        while True:
            self._target = wanted(len(self._queue), self._design.batch, self._design.most_instances)
            await asyncio.sleep(SCALE_EVERY_S)

    async def _instance(self, number: int, known: dict[int, int]) -> None:
        async for delivery in self._deliveries_of(number):
            now = asyncio.get_running_loop().time
            await asyncio.sleep(len(delivery) * CPU_PER_EVENT_US.value / 1e6)
            turns = asyncio.Semaphore(AT_ONCE)
            events = Counter(partition for _, partition in delivery)
            await asyncio.gather(*(self._post(partition, count, known, turns) for partition, count in events.items()))
            self._posted += [now() - came for came, _ in delivery]
            self._deliveries += 1
            await asyncio.sleep(DELIVERY_S.value * self._design.pace)
            self._queue.release(delivery)

    async def _deliveries_of(self, number: int) -> AsyncIterator[list[Message]]:
        now, design = asyncio.get_running_loop().time, self._design
        while True:
            is_due = len(self._queue) >= design.least_batch or self._queue.oldest_s(now()) >= design.wait_s
            delivery = self._queue.take(design.batch, now(), number) if number < self._target and is_due else []
            if delivery:
                yield delivery
            else:
                await asyncio.sleep(LOOK_S if number < self._target else SCALE_EVERY_S / 4)

    def _partition(self) -> int:
        (team,) = self._random.choices(range(len(self._cumulative)), cum_weights=self._cumulative)
        return team * self._design.shards + self._random.randrange(self._design.shards)

    async def _post(self, partition: int, events: int, known: dict[int, int], turns: asyncio.Semaphore) -> None:
        async with turns:
            for chunk in chunks(events, distinct(events, COMBINATIONS)):
                pause = 1.0
                while not await self._post_chunk(partition, chunk, known):
                    await asyncio.sleep(pause * self._random.uniform(0.5, 1))
                    pause = min(2 * pause, 30)

    async def _post_chunk(self, partition: int, chunk: Chunk, known: dict[int, int]) -> bool:
        """As LedgerService does it; False where the store counts as unavailable after all its attempts."""
        heads, half_s = self._store.heads, _seconds(chunk) * self._design.pace / 2
        try:
            for attempt in range(ATTEMPTS):
                if (head := known.pop(partition, None)) is None:
                    head = heads.get(partition, 0)
                    await self._read(partition, chunk.writes - 2 * chunk.events if head else 1)
                await asyncio.sleep(half_s)
                if heads.get(partition, 0) == head:
                    await self._store.pay(partition, chunk.units)
                if heads.get(partition, 0) == head:
                    heads[partition] = known[partition] = head + 1
                    await asyncio.sleep(half_s)
                    return True
                self._conflicts += 1
                await self._store.pay(partition, FAILED_UNITS)
                if self._design.looks_up_entries:
                    await self._read(partition, 2 * chunk.events)
                await asyncio.sleep(self._random.uniform(0, min(1.0, 0.01 * 2**attempt)))
        except Refused:
            known.pop(partition, None)
        return False

    async def _read(self, partition: int, documents: int) -> None:
        await self._store.pay(partition, documents)
        await asyncio.sleep(2 * READ_S.value * self._design.pace)


def _seconds(chunk: Chunk) -> float:
    return WRITE_S.value + (BATCH_S.value - WRITE_S.value) * chunk.writes / 100


def simulate(
    design: Design,
    shares: Sequence[float],
    rate: float,
    seconds: float = 40.0,
    seed: int = 1,
    burst: tuple[float, float] = (0.0, 0.0),
) -> Outcome:
    """Offer events at a steady rate, and before it at another until some second; report on the second half of the time."""
    return run(Ledger(design, shares, rate, seed, burst).run(seconds))
