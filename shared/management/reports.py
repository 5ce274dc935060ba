"""Reports: which there are, the runs that made them with their progress, and the files that came out."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from shared.fields import Name, Strict
from shared.finance.facts import Days
from shared.finance.model import ReportConfig
from shared.finance.report import ReportRefused
from shared.finance.reproduction import Reproduction
from shared.finance.store import Run
from shared.management.call import Answer, Call
from shared.management.kinds import Month
from shared.management.ledger import books_of
from shared.management.paging import Cursors, page_of
from shared.management.problems import Absent, Conflict, invalid
from shared.management.spending import Moment, Span, moment_of, window_of
from shared.windows import CalendarPeriod, Period, Window

_AT = "@"
"""Stands in addresses for the bar in the ids of scheduled runs; no name of a report has one."""


class ReportRequest(Strict):
    """The report of this name over a month (`period`, as in 2026-11) or over whole days of the finance time zone, `to` not included;
    without `to`, up to the end of today.

    Without any of them, a report that is made by a schedule is that of the last month, and every other that of this month so far,
    today included.
    """

    report: Name
    period: Month | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None


class DefinitionAnswer(Strict):
    name: str
    kind: str
    formats: tuple[str, ...]
    schedule: str | None
    teams: tuple[str, ...] | None


class MovedAnswer(Strict):
    """How many postings a team's UTC month had then and has now, and what happened in between."""

    team: str
    month: str
    then: int
    now: int
    reason: str


class ChangeAnswer(Strict):
    what: str
    then: str
    now: str


class ReproductionAnswer(Strict):
    """`run` is the original. `result` is `same` or `differs`, null until it is known; `files` are those that differ."""

    run: str
    manifest_sha256: str
    result: Literal["same", "differs"] | None
    files: tuple[str, ...]
    inputs: tuple[MovedAnswer, ...]
    changes: tuple[ChangeAnswer, ...]
    notes: tuple[str, ...]


class RunAnswer(Strict):
    """`percent` says how far a run has come and `step` what is being done; `reason` why it failed, if it did.

    `reproduces` is there where a report was made again, to be compared with the original.
    """

    id: str
    report: str
    kind: str
    period: str
    from_: Annotated[AwareDatetime, Field(alias="from")]
    to: AwareDatetime
    state: str
    percent: int
    step: str
    by: str
    requested_at: AwareDatetime
    finished_at: AwareDatetime | None
    reason: str | None
    files: tuple[str, ...]
    manifest_sha256: str | None
    reproduces: ReproductionAnswer | None


class Definitions(Strict):
    data: tuple[DefinitionAnswer, ...]


async def definitions(call: Call) -> Answer:
    return Answer({"data": [_definition(item) for item in books_of(call).reporting.definitions]})


async def start(call: Call) -> Answer:
    books, asked = books_of(call), call.body
    definition = next((item for item in books.reporting.definitions if item.name == asked.report), None)
    if definition is None:
        raise invalid("report", "is not one that is configured")
    period = _days(asked, definition, call.parts.clock.now(), books.time_zone)
    await call.parts.store.note(call.actor, "report.start", f"reports/{asked.report}", call.request_id)
    return Answer(_run(await books.reporting.runs.request(definition, period, call.caller.id)))


async def reproduce(call: Call) -> Answer:
    """Start to make a report again of what its manifest names; while that is under way, it is the run that is there."""
    first, reporting = await _found(call), books_of(call).reporting
    configured = next((item for item in reporting.definitions if item.name == first.definition.name), None)
    await call.parts.store.note(call.actor, "report.reproduce", f"reports/runs/{call.path['run']}", call.request_id)
    try:
        return Answer(_run(await reporting.runs.reproduce(first, configured, call.caller.id)))
    except ReportRefused as refused:
        raise Conflict(str(refused)) from None


async def runs(call: Call) -> Answer:
    async def fetch(limit: int, cursor: str | None) -> tuple[Sequence[Run], str | None]:
        return await books_of(call).reporting.runs.latest(limit, cursor)

    async def show(item: Run) -> dict[str, Any]:
        return _run(item)

    cursors = Cursors(call.parts.pepper, "report runs")
    return await page_of(cursors, call.query.cursor, call.query.limit, (), fetch, show)


async def run(call: Call) -> Answer:
    return Answer(_run(await _found(call)))


async def file(call: Call) -> Answer:
    """Answer with a file to keep: a browser must not show what is in it as a page of ours."""
    found, name = await _found(call), call.path["file"]
    content = None
    if name in found.files and found.folder is not None:
        content = await books_of(call).reporting.runs.file(f"{found.folder}/{name}")
    if content is None:
        raise Absent(f"There is no reports/runs/{call.path['run']}/files/{name}.")
    # The name is one that an address can hold: letters, digits and . _ @ + - only.
    headers = [
        ("content-type", "application/octet-stream"),
        ("content-disposition", f'attachment; filename="{name}"'),
        ("x-content-type-options", "nosniff"),
    ]
    return Answer(None, headers, content=content)


async def _found(call: Call) -> Run:
    found = await books_of(call).reporting.runs.get(call.path["run"].replace(_AT, "|"))
    if found is None:
        raise Absent(f"There is no reports/runs/{call.path['run']}.")
    return found


def _days(asked: ReportRequest, definition: ReportConfig, now: datetime, time_zone: str) -> Days:
    """Return the whole days that were asked for. Raises Invalid."""
    if asked.from_ is not None or asked.to is not None:
        if asked.period is not None:
            raise invalid("period", "is given beside from or to; one of them is enough")
        window = window_of(Span.model_validate({"from": asked.from_, "to": asked.to}), now, time_zone)
        if asked.to is None:
            window = replace(window, end=CalendarPeriod(Period.DAY, time_zone).at(now).end)
    elif asked.period is not None:
        if not "2000" <= asked.period < "2200":
            raise invalid("period", "must be a month of this century or the next")
        window = CalendarPeriod(Period.MONTH, time_zone).at(moment_of(f"{asked.period}-15", time_zone))
    else:
        window = _usual(definition, now, time_zone)
    days = Days("", window, time_zone)
    if not days.are_whole_days:
        raise invalid("to", f"must leave whole days of {time_zone}, from midnight to midnight")
    label = days.months[0] if days.are_whole_months and len(days.months) == 1 else f"{days.first}_{days.last}"
    return replace(days, label=label)


def _usual(definition: ReportConfig, now: datetime, time_zone: str) -> Window:
    """Return the last month for what a schedule makes, and otherwise this month up to the end of today."""
    month = CalendarPeriod(Period.MONTH, time_zone)
    if definition.schedule is not None:
        return month.at(month.at(now).start - timedelta.resolution)
    return Window("", month.at(now).start, CalendarPeriod(Period.DAY, time_zone).at(now).end)


def _definition(item: ReportConfig) -> dict[str, Any]:
    return {
        "name": item.name,
        "kind": item.kind.value,
        "formats": [format.value for format in item.formats],
        "schedule": item.schedule.value if item.schedule else None,
        "teams": None if item.teams is None else list(item.teams),
    }


def _run(run: Run) -> dict[str, Any]:
    window = run.period.window
    return {
        "id": _address(run.id),
        "report": run.definition.name,
        "kind": run.definition.kind.value,
        "period": run.period.label,
        "from": window.start.isoformat(),
        "to": window.end.isoformat(),
        "state": run.state.value,
        "percent": round(run.progress * 100),
        "step": run.step,
        "by": run.requested_by,
        "requested_at": run.requested_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "reason": run.reason,
        "files": list(run.files),
        "manifest_sha256": run.manifest_sha256,
        "reproduces": None if run.reproduces is None else _reproduction(run.reproduces),
    }


def _reproduction(found: Reproduction) -> dict[str, Any]:
    return {**asdict(found), "run": _address(found.run)}


def _address(id: str) -> str:
    return id.replace("|", _AT)
