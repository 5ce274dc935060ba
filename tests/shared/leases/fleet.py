"""Several instances on one store, each call of which lets the others go first."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any

from shared.documents import StoreUnavailable
from shared.leases.lease import Taken
from shared.leases.model import Allowance, Exhausted
from shared.leases.service import Leases
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.watched_documents import Watched, port


class Store(Watched):
    """Counts its calls. Of the next writes, `lost` are carried out without an answer."""

    def __init__(self, clock: FakeClock) -> None:
        self.documents = MemoryDocuments(clock)
        super().__init__(self.documents)
        self.lost = 0

    async def before(self, name: str) -> None:
        await asyncio.sleep(0)

    async def after(self, name: str) -> None:
        await asyncio.sleep(0)
        if name != "get" and self.lost:
            self.lost -= 1
            raise StoreUnavailable("the answer was lost")

    async def body(self, allowance: Allowance, id: str) -> dict[str, Any]:
        document = await self.documents.get("counters", allowance.name, id)
        assert document
        return dict(document.body)


class Tasks:
    """What instances do beside their calls."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)


class Fleet:
    """Instances are made as they are asked for by their number."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.store = Store(self.clock)
        self.tasks = Tasks()
        self._instances: dict[int, Leases] = {}

    def __getitem__(self, number: int) -> Leases:
        if number not in self._instances:
            self._instances[number] = Leases(port(self.store), self.clock, f"inst_{number}", self.tasks.spawn)
        return self._instances[number]

    @staticmethod
    def beside(fleet: "Fleet") -> Leases:
        """Another instance on the fleet's store, which nobody tends."""
        return Leases(port(fleet.store), fleet.clock, "inst_other", fleet.tasks.spawn)

    def kill(self, number: int) -> None:
        """It does nothing more; what is asked for under its number is another one."""
        self._instances.pop(number, None)

    async def seconds(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass with everybody's upkeep."""
        for _ in range(int(seconds / step)):
            self.clock.advance(step)
            await self.tend()

    async def tend(self) -> None:
        await self.tasks.finish()
        await asyncio.gather(*(leases.tend() for leases in self._instances.values()))

    async def close(self) -> None:
        await self.tasks.finish()
        for leases in self._instances.values():
            await leases.close()

    def calls(self) -> Counter[str]:
        """The store's calls since it was asked last."""
        calls = Counter(self.store.calls)
        self.store.calls.clear()
        return calls


async def draw(leases: Leases, allowance: Allowance, amount: int = 1) -> Taken:
    """Take as a call does: from memory or else from the store."""
    return leases.take_now(allowance, amount) or await leases.take(allowance, amount)


async def try_to_draw(leases: Leases, allowance: Allowance, amount: int = 1) -> Taken | None:
    try:
        return await draw(leases, allowance, amount)
    except (Exhausted, StoreUnavailable):
        return None
