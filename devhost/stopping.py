"""One signal for everything that runs until the host stops."""

import asyncio
from contextlib import suppress


class StopSignal:
    """Set once; whoever pauses on it wakes up at once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def stop(self) -> None:
        self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    async def wait(self) -> None:
        await self._event.wait()

    async def pause(self, seconds: float) -> None:
        """Wait that long, or until the signal."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
