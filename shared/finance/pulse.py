"""Tells how far a run is, once a second at most, and keeps the right to work on it meanwhile."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from shared.clock import Clock
from shared.documents import DocumentMissing, PreconditionFailed, StoreUnavailable
from shared.finance.store import Run, RunStore

LEASE = 120.0
"""Seconds after which the run of an instance that no longer says anything is taken over."""


class Overtaken(Exception):
    """Somebody else works on the run by now."""


class Pulse:
    """`run` is the version that was written last."""

    def __init__(self, store: RunStore, clock: Clock, run: Run, every_s: float) -> None:
        self._store, self._clock, self._every_s = store, clock, every_s
        self.run = run
        self._wanted = run
        self._is_overtaken = False
        self._stopped = asyncio.Event()

    def step(self, progress: float, step: str) -> None:
        self._wanted = replace(self._wanted, progress=progress, step=step)

    def stop(self) -> None:
        self._stopped.set()

    def check(self) -> None:
        """Raise Overtaken."""
        if self._is_overtaken:
            raise Overtaken(self.run.id)

    async def beat(self) -> None:
        while not (self._is_overtaken or await self._is_stopped()):
            await self._write()

    async def _is_stopped(self) -> bool:
        try:
            async with asyncio.timeout(self._every_s):
                await self._stopped.wait()
        except TimeoutError:
            return False
        return True

    async def _write(self) -> None:
        """What the store does not take is written at the next beat; the lease lasts for many of them."""
        until = self._clock.now() + timedelta(seconds=LEASE)
        wanted = replace(self.run, progress=self._wanted.progress, step=self._wanted.step, held_until=until)
        if wanted == replace(self.run, held_until=until) and not self._is_short():
            return
        try:
            self.run = await self._store.save(wanted)
        except (PreconditionFailed, DocumentMissing):
            await self._look()
        except StoreUnavailable:
            return

    def _is_short(self) -> bool:
        until = self.run.held_until
        return until is None or until - self._clock.now() < timedelta(seconds=LEASE / 2)

    async def _look(self) -> None:
        """Where the answer to a write was lost, the next write meets its own work."""
        try:
            found = await self._store.get(self.run.id)
        except StoreUnavailable:
            return
        if found is not None and (found.holder, found.attempt) == (self.run.holder, self.run.attempt):
            self.run = found
        else:
            self._is_overtaken = True
