"""Concurrent callers who want the same thing share one attempt to get it."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any


class SingleFlight[K: Hashable, V]:
    """A caller who gives up does not take the attempt away from the others."""

    def __init__(self) -> None:
        self._flights: dict[K, asyncio.Task[V]] = {}

    def start(self, key: K, attempt: Callable[[], Coroutine[Any, Any, V]]) -> asyncio.Task[V]:
        """Return the attempt under way, or begin one."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.get_running_loop().create_task(attempt())
            flight.add_done_callback(lambda done: self._landed(key, done))
        return flight

    async def run(self, key: K, attempt: Callable[[], Coroutine[Any, Any, V]]) -> V:
        return await asyncio.shield(self.start(key, attempt))

    async def close(self) -> None:
        """Cancel what is under way and wait until it is gone."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _landed(self, key: K, flight: asyncio.Task[V]) -> None:
        self._flights.pop(key, None)
        if not flight.cancelled():
            # Marks a failure as seen even where nobody waits for it.
            flight.exception()
