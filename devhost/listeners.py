"""What timers and queues share: a way to run a function, and a log line for how it went."""

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from devhost.encodings import Input
from devhost.stopping import StopSignal
from devhost.worker import Function, Outcome, Worker

Run = Callable[[Function, Input], Awaitable[Outcome]]

_log = logging.getLogger("devhost.functions")


class Listener(Protocol):
    """Fires one function until it is told to stop; then it finishes the current invocation."""

    async def listen(self, stop: StopSignal) -> None: ...


def runner(worker: Worker) -> Run:
    """Return what runs a function on the worker and logs a failure with its traceback."""

    async def run(function: Function, given: Input) -> Outcome:
        outcome = await worker.invoke(function, given.value, given.metadata)
        if outcome.error is not None:
            _log.error("%s failed: %s\n%s", function.name, outcome.error, outcome.stack_trace.rstrip())
        return outcome

    return run
