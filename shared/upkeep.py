"""What has to be done every second while there are calls: hear of changes, report spending, renew and give back leases."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from shared.clock import Clock
from shared.documents import StoreUnavailable

EVERY_S = 1.0
IDLE_S = 30.0
"""Seconds after the last call for which it goes on: long enough for everything that is lent to go back."""


class Upkeep:
    """Runs its rounds beside the calls; an instance that nobody calls, and that holds nothing, costs the store nothing.

    `is_needed` says whether something is still lent or owed, as during a call that takes long.
    """

    def __init__(
        self,
        rounds: Sequence[Callable[[], Awaitable[None]]],
        clock: Clock,
        is_needed: Callable[[], bool] = lambda: False,
        every_s: float = EVERY_S,
    ) -> None:
        self._rounds, self._clock, self._is_needed, self._every_s = rounds, clock, is_needed, every_s
        self._called_at = 0.0
        self._task: asyncio.Task[None] | None = None

    def touch(self) -> None:
        """There is a call."""
        self._called_at = self._clock.monotonic()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def round(self) -> None:
        """Do everything once. What the store does not answer is tried again in the next round."""
        for each in self._rounds:
            try:
                await each()
            except StoreUnavailable:
                continue

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        while self._clock.monotonic() - self._called_at < IDLE_S or self._is_needed():
            await asyncio.sleep(self._every_s)
            await self.round()
