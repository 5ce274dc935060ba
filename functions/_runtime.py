"""The process's one runtime, built inside the running event loop by whoever needs it first."""

import asyncio
import atexit
import gc
import logging
import sys
from typing import TYPE_CHECKING

from shared.bootstrap import build_runtime
from shared.gateway.pipeline import Pipeline
from shared.redaction import RedactingFilter
from shared.runtime import Runtime
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.console.service import Console
    from shared.management.api import ManagementApi
    from shared.management.organization import OrganizationApi

SWITCH_S = 0.0005
WARM_S = 2.0


class Process:
    """The runtime and the pipeline on it. A failed build is tried again by the next caller: a vault may come back."""

    def __init__(self) -> None:
        self._lock: asyncio.Lock | None = None
        self._ready: tuple[Runtime, Pipeline] | None = None
        self._management: ManagementApi | None = None
        self._console: Console | None = None
        self._organization: OrganizationApi | None = None

    async def ready(self) -> tuple[Runtime, Pipeline]:
        """Return both, building them first if need be. Raises ConfigurationInvalid and SecretUnavailable."""
        if self._ready is not None:
            return self._ready
        self._lock = self._lock or asyncio.Lock()
        async with self._lock:
            if self._ready is None:
                _guard_logs()
                # Threads that work on large bodies give way to the event loop after this long, not after five milliseconds.
                sys.setswitchinterval(SWITCH_S)
                runtime = await build_runtime(Settings.from_environment())
                self._ready = (runtime, Pipeline(runtime))
                # What is there by now stays, and again once late imports are done: the collector need not go over it during calls.
                gc.freeze()
                asyncio.get_running_loop().call_later(WARM_S, gc.freeze)
                # The host tells nobody that it stops.
                atexit.register(runtime.telemetry.close)
                atexit.register(runtime.events.spill)
        return self._ready

    async def management(self) -> "ManagementApi":
        """Return the management API on the same runtime. Raises as `ready` does."""
        # A tenth of a second that a start for a developer's call need not wait for.
        from shared.management.api import ManagementApi
        from shared.management.live import parts_of

        runtime, _ = await self.ready()
        if self._management is None:
            self._management = ManagementApi(parts_of(runtime))
        return self._management

    async def console(self) -> "Console":
        """Return the pages on the management API. Raises as `ready` does."""
        from shared.console.live import console_of

        api, (runtime, _) = await self.management(), await self.ready()
        if self._console is None:
            self._console = console_of(runtime, api)
        return self._console

    async def organization(self) -> "OrganizationApi":
        """Return what answers as OpenAI's usage and costs do. Raises as `ready` does."""
        from shared.jobs.composition import counted_ledger_of
        from shared.management.organization import OrganizationApi

        runtime, _ = await self.ready()
        if self._organization is None:
            ledger, zone = counted_ledger_of(runtime), runtime.config.finance.time_zone
            self._organization = OrganizationApi(runtime.callers, ledger, runtime.clock, zone)
        return self._organization


def _guard_logs() -> None:
    """Every handler that exists by now gets the net that catches secrets."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(existing, RedactingFilter) for existing in handler.filters):
            handler.addFilter(RedactingFilter())


process = Process()
