"""Runs of reports: each is made once, by one instance at a time, and goes on elsewhere when that instance dies."""

import asyncio
import logging
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from shared.clock import Clock
from shared.documents import DocumentMissing, PreconditionFailed, StoreUnavailable
from shared.finance.facts import Days
from shared.finance.model import ReportConfig
from shared.finance.ports import Books
from shared.finance.pulse import LEASE, Overtaken, Pulse
from shared.finance.report import ReportRefused
from shared.finance.reproduction import Original, Reproduction, notes_on
from shared.finance.schedule import over, run_id
from shared.finance.service import Again, Made, ReportService
from shared.finance.store import Run, RunState, RunStore, released
from shared.ids import new_id
from shared.reconciliation.model import BooksRecounted

MOST_ATTEMPTS = 5

type Ending = Made | ReportRefused | BooksRecounted

_LOG = logging.getLogger(__name__)
_LONG_REASON = 500


class ReportRuns:
    def __init__(
        self,
        store: RunStore,
        service: ReportService,
        books: Books,
        clock: Clock,
        *,
        time_zone: str,
        every_s: float = 1.0,
    ) -> None:
        """`every_s` is how often, at most, progress is written."""
        self._store, self._service, self._books, self._clock = store, service, books, clock
        self._time_zone, self._every_s = time_zone, every_s
        self._holder = secrets.token_hex(8)

    @property
    def store(self) -> RunStore:
        return self._store

    async def request(self, definition: ReportConfig, period: Days, by: str) -> Run:
        """Note that somebody wants a report; the caller puts its id on the queue. Raises StoreUnavailable."""
        now = self._clock.now().replace(microsecond=0)
        run = Run(new_id("run", now), definition, period, now, by)
        return await self._store.create(run) or run

    async def reproduce(self, first: Run, configured: ReportConfig | None, by: str) -> Run:
        """Note that a report is to be made again and compared; while that is under way, return the run that is there.

        `configured` is the report of its name in the configuration. The caller puts the run's id on the queue. Raises
        ReportRefused where it cannot be made again, StoreUnavailable and StorageUnavailable.
        """
        found = await self._original(first)
        asked = Reproduction(first.id, str(first.manifest_sha256), await self._notes(found, configured))
        earlier = [run async for run in self._store.with_prefix(f"{first.id}|again-")]
        under_way = next((run for run in earlier if not run.is_over), None)
        if under_way is not None:
            return under_way
        now = self._clock.now().replace(microsecond=0)
        id = f"{first.id}|again-{len(earlier) + 1}"
        run = Run(id, found.definition, found.period, now, by, reproduces=asked)
        # Two who ask at once name the same run.
        return await self._store.create(run) or await self._store.get(id) or run

    async def _original(self, first: Run) -> Original:
        if first.reproduces is not None:
            raise ReportRefused("This report was made again itself; reproduce its original.")
        if first.state is not RunState.DONE:
            raise ReportRefused(f"The report is {first.state.value}; only one that is done can be made again.")
        found = await self._service.original(first.id, first.folder, first.manifest_sha256)
        if found.period.time_zone != self._time_zone:
            raise ReportRefused(
                f"It was made for the time zone {found.period.time_zone}; the books are kept for {self._time_zone} by now, "
                "so that its days cannot be read again."
            )
        return found

    async def _notes(self, found: Original, configured: ReportConfig | None) -> tuple[str, ...]:
        return tuple(notes_on(found, await self._service.key_id(), configured))

    async def schedule(self, definitions: Sequence[ReportConfig]) -> list[Run]:
        """Note the scheduled runs that are due and not there yet, and return them, the oldest period first."""
        new = []
        for definition in definitions:
            for period in await self._missing(definition):
                now = self._clock.now().replace(microsecond=0)
                run = Run(run_id(definition, period), definition, period, now, "schedule")
                created = await self._store.create(run)
                new += [] if created is None else [created]
        return new

    async def waiting(self) -> list[Run]:
        """Return the runs that nobody works on: just asked for, or left behind by an instance that died."""
        now = self._clock.now()
        return [run async for run in self._store.unfinished() if not run.is_held_by_another(self._holder, now)]

    async def work(self, id: str) -> Run | None:
        """Make the report, unless it is made already or somebody is at it; return the run as it stands then.

        While the books are counted anew it waits, and says so as its step. Raises StoreUnavailable and StorageUnavailable: then it
        is safe to try again, and the timer will.
        """
        run = await self._store.get(id)
        if run is None or run.is_over or run.is_held_by_another(self._holder, self._clock.now()):
            return run
        try:
            run = await self._claim(run)
            if run.is_over:
                return run
            return await self._make(run)
        except (PreconditionFailed, DocumentMissing, Overtaken):
            return await self._store.get(id)

    async def _missing(self, definition: ReportConfig) -> list[Days]:
        """Return the periods since the last run; where there was none yet, the last period alone."""
        if definition.schedule is None:
            return []
        missing: list[Days] = []
        for period in over(definition.schedule, self._clock.now(), self._time_zone):
            if await self._store.get(run_id(definition, period)) is not None:
                return missing[::-1]
            if not definition.after_close or await self._books.state(period.label) == "closed":
                missing.append(period)
        return missing[:1]

    async def _claim(self, run: Run) -> Run:
        now = self._clock.now()
        if run.attempt >= MOST_ATTEMPTS:
            return await self._store.save(
                replace(
                    released(run),
                    state=RunState.FAILED,
                    finished_at=now.replace(microsecond=0),
                    reason=f"It was given up after {run.attempt} attempts that did not come to an end.",
                )
            )
        claimed = replace(
            run,
            state=RunState.RUNNING,
            attempt=run.attempt + 1,
            progress=0.0,
            step="starting",
            holder=self._holder,
            held_until=now + timedelta(seconds=LEASE),
        )
        return await self._store.save(claimed)

    async def _make(self, run: Run) -> Run:
        pulse = Pulse(self._store, self._clock, run, self._every_s)
        beating = asyncio.create_task(pulse.beat())
        ending: Ending | None = None
        try:
            again = await self._again(run)
            ending = await self._service.run(
                run.definition, run.period, run.id, run.requested_at, folder_of(run), pulse.step, again
            )
        except (ReportRefused, BooksRecounted) as refused:
            ending = refused
        finally:
            pulse.stop()
            await beating
            if ending is None:
                with suppress(PreconditionFailed, DocumentMissing, StoreUnavailable):
                    await self._store.save(released(pulse.run))
        return await self._finish(pulse, ending)

    async def _again(self, run: Run) -> Again | None:
        if run.reproduces is None:
            return None
        first = await self._store.get(run.reproduces.run)
        if first is None:
            raise ReportRefused("The run that was to be made again is gone.")
        return Again(run.reproduces, await self._original(first))

    async def _finish(self, pulse: Pulse, ending: Ending) -> Run:
        pulse.check()
        if isinstance(ending, BooksRecounted):
            return await self._store.save(_waiting(pulse.run, ending))
        run = replace(released(pulse.run), finished_at=self._clock.now().replace(microsecond=0))
        if isinstance(ending, ReportRefused):
            _LOG.warning("the report %s was refused", run.definition.name)
            return await self._store.save(replace(run, state=RunState.FAILED, reason=str(ending)[:_LONG_REASON]))
        return await self._store.save(
            replace(
                run,
                state=RunState.DONE,
                progress=1.0,
                step="done",
                folder=ending.folder,
                files=ending.files,
                manifest_sha256=ending.manifest_sha256,
                reproduces=ending.reproduces,
            )
        )


def _waiting(run: Run, reason: BooksRecounted) -> Run:
    """Return a run as one that waits: the timer tries it again, as often as it takes, because that does not count as an attempt."""
    step = f"waiting: {reason.message}"
    return replace(released(run), state=RunState.REQUESTED, attempt=run.attempt - 1, progress=0.0, step=step)


def folder_of(run: Run) -> str:
    """Return where an attempt puts its files: an attempt that died may have left some, of a ledger that has moved on since."""
    is_scheduled = run.id == run_id(run.definition, run.period)
    name = "scheduled" if is_scheduled else re.sub(r"[^A-Za-z0-9_-]", "-", run.id)
    return f"{run.period.label}/{run.definition.name}/{name}/{run.attempt}"
