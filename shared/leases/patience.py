"""How long callers wait for the store, and the pauses of who finds others faster."""

import asyncio
import random
from collections.abc import Callable

from shared.leases.lease import Contended

PATIENCE_S = 8.0
"""Of a call for one allowance, and of an exchange. A hundred instances that open a new period together are through in half of it."""

FIRST_S, HURRIED_S, UNHURRIED_S = 0.02, 0.5, 2.0
"""Pauses grow from about an exchange to the second where calls wait; reports make room for them, up to the third."""


class Patience:
    """Of one exchange, from now on."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._until = monotonic() + PATIENCE_S
        self._longest_s = FIRST_S

    async def pause(self, *, is_hurried: bool) -> None:
        """Let others go first for a random while, at most twice as long as before. Raises Contended when there is no time left."""
        pause_s = random.uniform(0, self._longest_s)
        if self._monotonic() + pause_s >= self._until:
            raise Contended("too many others write to the same account")
        self._longest_s = min(2 * self._longest_s, HURRIED_S if is_hurried else UNHURRIED_S)
        await asyncio.sleep(pause_s)
