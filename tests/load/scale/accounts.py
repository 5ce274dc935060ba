"""Simulates what instances do with one account: the document behind a budget, a quota or calls at a time that all of them share."""

import asyncio
from dataclasses import dataclass
from random import Random

from shared.leases.patience import FIRST_S, PATIENCE_S, UNHURRIED_S
from tests.load.scale.facts import LEASE_WRITES_PER_S, PARTITION_UNITS, READ_S, WRITE_S
from tests.load.scale.partitions import Refused, Store
from tests.load.scale.virtual_time import run

SHARE_BYTES, REST_BYTES = 130, 150
"""Of an account's document: each instance's part, and what there is anyway."""


@dataclass(slots=True)
class Traffic:
    """What one account of so many instances sees in a second. `late_s` is how long an exchange takes, of 100 the 95th."""

    instances: int
    wanted: float
    done: float = 0.0
    given_up: float = 0.0
    lost_races: float = 0.0
    units: float = 0.0
    throttled: float = 0.0
    late_s: float = 0.0

    @property
    def keeps_up(self) -> bool:
        return self.given_up <= 0.01 * self.wanted and self.done >= 0.95 * self.wanted


def read_units(instances: int) -> float:
    """By the line that tests/load/ledger.py draws: 1 RU for a kilobyte, 10 for a hundred."""
    return 1 + 9 * _beyond_first(instances)


def write_units(instances: int) -> float:
    return 5 + 45 * _beyond_first(instances)


def _beyond_first(instances: int) -> float:
    return max(0.0, ((REST_BYTES + SHARE_BYTES * instances) / 1024 - 1) / 99)


class Account:
    """`shards` accounts, each of which its part of the instances keeps to."""

    def __init__(self, instances: int, shards: int, every_s: float, pace: float, seed: int) -> None:
        self._instances, self._shards, self._every_s = instances, shards, every_s
        self._half_read_s, self._half_write_s = READ_S.value * pace / 2, WRITE_S.value * pace / 2
        self._random = Random(seed)
        self._store = Store(PARTITION_UNITS.value * shards, PARTITION_UNITS.value)
        self._traffic = Traffic(instances, instances / every_s)
        self._took: list[float] = []

    async def run(self, seconds: float) -> Traffic:
        loop, traffic = asyncio.get_running_loop(), self._traffic
        tasks = [loop.create_task(self._instance(number % self._shards)) for number in range(self._instances)]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for name in ("done", "given_up", "lost_races"):
            setattr(traffic, name, getattr(traffic, name) / seconds)
        traffic.units, traffic.throttled = self._store.charged / seconds, self._store.throttled / seconds
        traffic.late_s = sorted(self._took)[int(0.95 * len(self._took))] if self._took else seconds
        return traffic

    async def _instance(self, account: int) -> None:
        now = asyncio.get_running_loop().time
        await asyncio.sleep(self._random.uniform(0, self._every_s))
        known = -1
        while True:
            begun = now()
            try:
                known = await self._exchange(account, known)
            except Refused:
                known = -1
                self._traffic.given_up += 1
            self._took.append(now() - begun)
            await asyncio.sleep(max(0.0, self._every_s - (now() - begun)))

    async def _exchange(self, account: int, known: int) -> int:
        """As AccountLease does it: where others were faster read, wait a moment and write again. Return the version known then."""
        versions, sharing = self._store.heads, max(1, self._instances // self._shards)
        now, longest_s = asyncio.get_running_loop().time, FIRST_S
        until = now() + PATIENCE_S
        while True:
            if known < 0:
                await asyncio.sleep(self._half_read_s)
                await self._store.pay(account, read_units(sharing))
                known = versions.get(account, 0)
                await asyncio.sleep(self._half_read_s)
            await asyncio.sleep(self._half_write_s)
            if versions.get(account, 0) == known:
                await self._store.pay(account, write_units(sharing))
            if versions.get(account, 0) == known:
                versions[account] = known + 1
                await asyncio.sleep(self._half_write_s)
                self._traffic.done += 1
                return known + 1
            known = -1
            self._traffic.lost_races += 1
            await self._store.pay(account, read_units(sharing))
            await asyncio.sleep(self._half_write_s)
            pause_s = self._random.uniform(0, longest_s)
            if now() + pause_s >= until:
                self._traffic.given_up += 1
                return known
            longest_s = min(2 * longest_s, UNHURRIED_S)
            await asyncio.sleep(pause_s)


def exchanges(
    instances: int,
    shards: int = 1,
    every_s: float = 1 / LEASE_WRITES_PER_S.value,
    seconds: float = 20.0,
    pace: float = 1.0,
    seed: int = 1,
) -> Traffic:
    """Let instances report every so many seconds. The assumed times of the store are multiplied by `pace`."""
    return run(Account(instances, shards, every_s, pace, seed).run(seconds))
