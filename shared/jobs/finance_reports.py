"""Scheduled and requested reports: the timer finds what is due, the queue `reports` makes one at a time."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import orjson

from shared.alerts.model import Notice
from shared.clock import Clock
from shared.finance.model import ReportConfig
from shared.finance.runs import ReportRuns
from shared.finance.store import Run, RunState
from shared.queues import REPORTS, EventPublisher

EVERY_S = 600
"""Seconds between two ticks of the timer."""


type Tell = Callable[[Sequence[Notice]], Awaitable[object]]


class RequestInvalid(ValueError):
    """A message that names no run; it will not become one by trying again."""


async def queue_due(
    definitions: Sequence[ReportConfig], runs: ReportRuns, events: EventPublisher, clock: Clock
) -> list[Run]:
    """Note what is due and queue every run that nobody works on. Raises StoreUnavailable."""
    new = await runs.schedule(definitions)
    ids = {run.id for run in new}
    since = clock.now() - timedelta(seconds=EVERY_S)
    # What was asked for a moment ago has a message under way.
    left = [run for run in await runs.waiting() if run.id not in ids and (run.attempt or run.requested_at <= since)]
    for run in (*new, *left):
        publish(run, events, clock)
    await events.flush()
    return [*new, *left]


def publish(run: Run, events: EventPublisher, clock: Clock) -> None:
    """Queue a run. The message's id differs from tick to tick: a broker drops what it has seen, also where that got lost."""
    tick = int(clock.now().timestamp()) // EVERY_S
    events.publish(REPORTS, f"{run.id}|{run.attempt}|{tick}", orjson.dumps({"run": run.id}))


async def run_report(body: bytes, runs: ReportRuns, tell: Tell) -> Run | None:
    """Make the report that a message names, and tell people if it fails; None where there is no such run.

    Raises RequestInvalid, StoreUnavailable and StorageUnavailable.
    """
    run = await runs.work(_named(body))
    if run is not None and run.state is RunState.FAILED:
        await tell([_notice(run)])
    return run


def _named(body: bytes) -> str:
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RequestInvalid("the message is not JSON") from None
    id = message.get("run") if isinstance(message, dict) else None
    if not isinstance(id, str) or not 0 < len(id) <= 128:
        raise RequestInvalid("the message names no run")
    return id


def _notice(run: Run) -> Notice:
    """Say that a run failed: once, however often its message comes."""
    again = "" if run.reproduces is None else " again"
    return Notice(
        id=f"report|{run.id}"[:128],
        kind="report",
        severity="warning",
        title=f"The report {run.definition.name} for {run.period.label} was not made{again}",
        text=run.reason or "",
        at=run.finished_at or run.requested_at,
        facts=(("Report", run.definition.name), ("Period", run.period.label), ("Run", run.id)),
    )
