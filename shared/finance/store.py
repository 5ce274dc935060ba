"""Run documents: what was asked for, how far it is, who works on it, and where it was put."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.documents import Condition, Document, DocumentExists, DocumentStore, Json
from shared.finance.facts import Days
from shared.finance.model import ReportConfig
from shared.finance.reproduction import Changed, Moved, Reproduction
from shared.ledger.model import stamp
from shared.windows import Window

CONTAINER, PARTITION = "reports", "runs"


class RunState(StrEnum):
    REQUESTED = "requested"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """One making of a report. `requested_at` is also the time that the report states: it is the same at every attempt.

    `progress` goes from 0 to 1. `holder` works on it until `held_until`, unless it says something before. `folder` and `files` are
    there when it is done, `reason` where it failed. `reproduces` is there where a report is made again.
    """

    id: str
    definition: ReportConfig
    period: Days
    requested_at: datetime
    requested_by: str
    state: RunState = RunState.REQUESTED
    progress: float = 0.0
    step: str = "waiting"
    attempt: int = 0
    holder: str | None = None
    held_until: datetime | None = None
    finished_at: datetime | None = None
    folder: str | None = None
    files: tuple[str, ...] = ()
    manifest_sha256: str | None = None
    reason: str | None = None
    reproduces: Reproduction | None = None
    etag: str = field(default="", compare=False)

    @property
    def is_over(self) -> bool:
        return self.state in (RunState.DONE, RunState.FAILED)

    def is_held_by_another(self, holder: str, now: datetime) -> bool:
        return self.holder not in (None, holder) and self.held_until is not None and now < self.held_until


class RunStore:
    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def create(self, run: Run) -> Run | None:
        """Store a new run; None where there is one of this id already. Raises StoreUnavailable."""
        try:
            return _run(await self._documents.create(CONTAINER, PARTITION, _body(run)))
        except DocumentExists:
            return None

    async def get(self, id: str) -> Run | None:
        document = await self._documents.get(CONTAINER, PARTITION, id)
        return None if document is None else _run(document)

    async def save(self, run: Run) -> Run:
        """Replace exactly the version that was read. Raises PreconditionFailed, DocumentMissing, StoreUnavailable."""
        return _run(await self._documents.replace(CONTAINER, PARTITION, _body(run), run.etag))

    async def latest(self, limit: int = 100, cursor: str | None = None) -> tuple[list[Run], str | None]:
        """Return runs, the last requested first, and the cursor of the next page."""
        page = await self._documents.query(
            CONTAINER, PARTITION, order_by="requested_at", descending=True, limit=limit, cursor=cursor
        )
        return [_run(document) for document in page.documents], page.cursor

    async def with_prefix(self, prefix: str) -> AsyncIterator[Run]:
        """Return the runs whose ids begin so, in their order."""
        conditions = (Condition("id", ">=", prefix), Condition("id", "<", prefix + "~"))
        async for run in self._matching(conditions):
            yield run

    async def unfinished(self) -> AsyncIterator[Run]:
        for state in (RunState.REQUESTED, RunState.RUNNING):
            async for run in self._matching((Condition("state", "=", state.value),)):
                yield run

    async def _matching(self, conditions: tuple[Condition, ...]) -> AsyncIterator[Run]:
        cursor = None
        while True:
            page = await self._documents.query(CONTAINER, PARTITION, conditions, cursor=cursor)
            for document in page.documents:
                yield _run(document)
            if page.cursor is None:
                return
            cursor = page.cursor


def _body(run: Run) -> Json:
    window = run.period.window
    return {
        "schema": 1,
        "id": run.id,
        "definition": run.definition.model_dump(mode="json"),
        "period": {
            "label": run.period.label,
            "window": window.id,
            "start": stamp(window.start),
            "end": stamp(window.end),
            "time_zone": run.period.time_zone,
        },
        "requested_at": stamp(run.requested_at),
        "requested_by": run.requested_by,
        "state": run.state.value,
        "progress": round(run.progress, 3),
        "step": run.step,
        "attempt": run.attempt,
        "holder": run.holder,
        "held_until": _text(run.held_until),
        "finished_at": _text(run.finished_at),
        "folder": run.folder,
        "files": list(run.files),
        "manifest_sha256": run.manifest_sha256,
        "reason": run.reason,
        "reproduces": None if run.reproduces is None else asdict(run.reproduces),
    }


def _run(document: Document) -> Run:
    body: dict[str, Any] = dict(document.body)
    period = body["period"]
    window = Window(period["window"], _moment(period["start"]), _moment(period["end"]))
    return Run(
        id=body["id"],
        definition=ReportConfig.model_validate(body["definition"]),
        period=Days(period["label"], window, period["time_zone"]),
        requested_at=_moment(body["requested_at"]),
        requested_by=body["requested_by"],
        state=RunState(body["state"]),
        progress=body["progress"],
        step=body["step"],
        attempt=body["attempt"],
        holder=body["holder"],
        held_until=_maybe(body["held_until"]),
        finished_at=_maybe(body["finished_at"]),
        folder=body["folder"],
        files=tuple(body["files"]),
        manifest_sha256=body["manifest_sha256"],
        reason=body["reason"],
        reproduces=_reproduction(body.get("reproduces")),
        etag=document.etag,
    )


def _reproduction(body: dict[str, Any] | None) -> Reproduction | None:
    if body is None:
        return None
    return Reproduction(
        run=body["run"],
        manifest_sha256=body["manifest_sha256"],
        notes=tuple(body["notes"]),
        result=body["result"],
        files=tuple(body["files"]),
        inputs=tuple(Moved(**each) for each in body["inputs"]),
        changes=tuple(Changed(**each) for each in body["changes"]),
    )


def released(run: Run) -> Run:
    """Return the run as one that anybody may take."""
    return replace(run, holder=None, held_until=None)


def _text(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _maybe(text: str | None) -> datetime | None:
    return None if text is None else _moment(text)
