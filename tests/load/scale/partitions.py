"""Cosmos DB as the simulation sees it: what a partition takes in a second, and heads that change under whoever is late."""

import asyncio
from dataclasses import dataclass, field

WINDOW_S = 1.0

PATIENCE_S = 5.0
"""As in shared/adapters/cosmos_documents.py: how long an operation is tried again while there is no throughput left."""


class Refused(Exception):
    """The store did not take it for as long as it is waited for."""


@dataclass(slots=True)
class Meter:
    """The request units of the second under way. What is beyond waits for the next."""

    most: float
    window: int = -1
    used: float = 0.0

    def takes(self, units: float, now: float) -> bool:
        """Count them, if there is anything left: a request that is begun is finished, and the next ones pay for it."""
        window = int(now / WINDOW_S)
        if window > self.window:
            self.used = max(0.0, self.used - self.most * (window - self.window))
            self.window = window
        if self.used >= self.most:
            return False
        self.used += units
        return True

    def wait_s(self, now: float) -> float:
        return WINDOW_S - now % WINDOW_S


@dataclass(slots=True)
class Store:
    """A container: its throughput is divided evenly over its physical partitions, and each logical one stands on one of them.

    `heads` is how often each logical partition has been posted to.
    """

    units: float
    most_of_one: float
    heads: dict[int, int] = field(default_factory=dict)
    throttled: int = 0
    charged: float = 0.0
    _logical: dict[int, Meter] = field(default_factory=dict)
    _physical: list[Meter] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = max(1, -(-int(self.units) // int(self.most_of_one)))
        self._physical = [Meter(self.units / count) for _ in range(count)]

    async def pay(self, partition: int, units: float) -> None:
        """Take the units as soon as there are any. Raises Refused."""
        now = asyncio.get_running_loop().time
        deadline = now() + PATIENCE_S
        while (wait_s := self.charge(partition, units, now())) is not None:
            if now() + wait_s > deadline:
                raise Refused
            await asyncio.sleep(wait_s)

    def charge(self, partition: int, units: float, now: float) -> float | None:
        """Take the units, or say how long to wait before asking again."""
        logical = self._logical.setdefault(partition, Meter(self.most_of_one))
        physical = self._physical[(partition * 2654435761 >> 7) % len(self._physical)]
        if logical.used >= logical.most and not logical.takes(0.0, now):
            return self._refused(logical, now)
        if not physical.takes(units, now):
            return self._refused(physical, now)
        logical.takes(units, now)
        self.charged += units
        return None

    def _refused(self, meter: Meter, now: float) -> float:
        self.throttled += 1
        return meter.wait_s(now)
