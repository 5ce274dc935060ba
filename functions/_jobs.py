"""The job seam: runs a queue message or a timer tick against the runtime, and logs how it went."""

import logging
from collections.abc import Awaitable, Callable

from functions._runtime import process
from shared.runtime import Runtime

_log = logging.getLogger("tollgate.jobs")


async def run[Result](name: str, job: Callable[[Runtime], Awaitable[Result]]) -> Result:
    """Run one job. A failure is logged by its type and raised again: the host then redelivers or dead-letters."""
    runtime, _ = await process.ready()
    try:
        return await job(runtime)
    except Exception as error:
        _log.error("%s failed: %s", name, type(error).__name__)
        raise
