"""Turns at reading the ledger: whoever asks large questions all at once leaves room for everybody else's calls."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from shared.errors import GatewayError

MOST_OF_ONE, MOST_OF_ALL = 2, 4
_RETRY_S = 2
_AT_ONCE = 200
"""How many items are handled before others get their turn."""


class TooManyReads(GatewayError):
    status, code, type = 429, "rate_limit_exceeded", "rate_limit_error"

    def __init__(self) -> None:
        super().__init__(
            "Too many questions about money and use are being answered right now. Try again.",
            headers={"retry-after": str(_RETRY_S)},
        )


class Turns:
    """Counts what is being read in this process, by caller."""

    def __init__(self) -> None:
        self._reading: Counter[str] = Counter()

    @contextmanager
    def taken(self, caller: str) -> Iterator[None]:
        """Raises TooManyReads where the caller, or all together, are reading as much as they may."""
        if self._reading[caller] >= MOST_OF_ONE or self._reading.total() >= MOST_OF_ALL:
            raise TooManyReads
        self._reading[caller] += 1
        try:
            yield
        finally:
            self._reading[caller] -= 1
            if not self._reading[caller]:
                del self._reading[caller]


PROCESS = Turns()
"""Those of this process, whichever of its interfaces is asked."""


async def unhurried[Item](items: AsyncIterator[Item]) -> AsyncIterator[Item]:
    """Yield what is read, and let everything else that waits have a turn every few hundred items."""
    number = 0
    async for item in items:
        yield item
        number += 1
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
