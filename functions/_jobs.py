"""The job seam: runs a queue message or a timer tick against the runtime, and logs how it went."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from functions._runtime import process
from shared.clock import Clock
from shared.documents import StoreUnavailable
from shared.runtime import Runtime
from shared.telemetry.instruments import JOB_DURATION, JOBS

PATIENCE_S = 240.0
"""Less than the five minutes that Service Bus locks a message at most. The locks of a batch are not renewed by the host."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 20.0
_log = logging.getLogger("tollgate.jobs")

type Sleep = Callable[[float], Awaitable[None]]


async def run[Result](name: str, job: Callable[[Runtime], Awaitable[Result]]) -> Result:
    """Run one job. A failure is logged by its type and raised again: the host then redelivers or dead-letters."""
    runtime, _ = await process.ready()
    begun, outcome = runtime.clock.monotonic(), "failed"
    try:
        result = await job(runtime)
        outcome = "ok"
    except Exception as error:
        _log.error("%s failed: %s", name, type(error).__name__)
        raise
    else:
        return result
    finally:
        runtime.telemetry.count(JOBS, job=name, outcome=outcome)
        runtime.telemetry.count(JOB_DURATION, runtime.clock.monotonic() - begun, job=name, outcome=outcome)


async def patiently[Result](
    work: Callable[[], Awaitable[Result]],
    clock: Clock,
    *,
    patience_s: float = PATIENCE_S,
    sleep: Sleep = asyncio.sleep,
) -> Result:
    """Try again, with growing pauses, while the store is away: a message that fails at once has used up its deliveries in seconds.

    The work has to be one that can be repeated. Raises StoreUnavailable when the patience is at its end.
    """
    until, pause = clock.monotonic() + patience_s, _FIRST_PAUSE_S
    while True:
        try:
            return await work()
        except StoreUnavailable as error:
            if clock.monotonic() + pause > until:
                raise
            _log.warning("The store is away (%s): the work is tried again in %.1f s", type(error).__name__, pause)
        await sleep(pause * random.uniform(0.5, 1))
        pause = min(2 * pause, _LONGEST_PAUSE_S)
