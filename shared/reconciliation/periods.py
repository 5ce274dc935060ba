"""Keeps the reporting months: which are locked, and what those that are closed were closed with."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, cast

from shared.clock import Clock
from shared.documents import (
    Condition,
    Document,
    DocumentExists,
    DocumentMissing,
    DocumentStore,
    Json,
    PreconditionFailed,
)
from shared.ledger.model import CONTAINER
from shared.reconciliation.model import FiscalMonth, Period, Snapshot, State, TeamSnapshot, Total
from shared.reconciliation.results import stored_sums, sums_of
from shared.windows import Window

PARTITION = "periods"
FRESH_S = 5.0
"""Seconds for which a process may not have heard yet that a month is locked; closing waits for much longer."""

_PAGE, _KIND = 200, "period"


class PeriodChanged(Exception):
    """Another instance has moved the month on since it was read."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A period, and the version it was read as; None for one that is not stored."""

    period: Period
    etag: str | None


class PeriodStore:
    """Every method raises StoreUnavailable."""

    def __init__(self, documents: DocumentStore, clock: Clock) -> None:
        self._documents, self._clock = documents, clock
        self._locked: tuple[Window, ...] = ()
        self._read_at = float("-inf")

    async def is_locked(self, at: datetime) -> bool:
        """Whether use of that time comes too late to count as usage. What is locked stays so; the rest is asked every 5 s.

        Months keep the window they were closed with, so a change of the reporting time zone opens none of them again.
        """
        if any(window.holds(at) for window in self._locked):
            return True
        now = self._clock.monotonic()
        if now - self._read_at >= FRESH_S:
            self._locked = tuple([item.month.window async for item in self.all() if item.is_locked])
            # Of before the question: the answer was true then.
            self._read_at = now
        return any(window.holds(at) for window in self._locked)

    async def all(self) -> AsyncIterator[Period]:
        """Return every month that there is a document of, oldest first."""
        async for document in _documents(self._documents, PARTITION, [Condition("kind", "=", _KIND)]):
            yield _period_of(document)

    async def read(self, month: FiscalMonth) -> Saved:
        """Return a month as it is stored; one that nobody has closed is open.

        It begins where the one before was closed with its end, and ends where the next begins: whatever time zones these are of,
        each moment belongs to one month.
        """
        if saved := await self._saved(month.id):
            return saved
        before, after = await self._saved(_moved(month.id, -1)), await self._saved(_moved(month.id, 1))
        start = before.period.month.window.end if before else month.window.start
        end = after.period.month.window.start if after else month.window.end
        return Saved(Period(replace(month, window=replace(month.window, start=start, end=end))), None)

    async def _saved(self, month: str) -> Saved | None:
        document = await self._documents.get(CONTAINER, PARTITION, month)
        return Saved(_period_of(document), document.etag) if document else None

    async def save(self, period: Period, etag: str | None) -> Saved:
        """Store a month if it is still as it was read. Raises PeriodChanged."""
        body = _body_of(period)
        try:
            if etag is None:
                document = await self._documents.create(CONTAINER, PARTITION, body)
            else:
                document = await self._documents.replace(CONTAINER, PARTITION, body, etag)
        except (DocumentExists, DocumentMissing, PreconditionFailed) as error:
            raise PeriodChanged(period.month.id) from error
        return Saved(period, document.etag)

    async def snapshot(self, month: str, team: str) -> TeamSnapshot | None:
        document = await self._documents.get(CONTAINER, _snapshots(month), team)
        return _team_of(document.body) if document else None

    async def snapshots(self, month: str) -> AsyncIterator[TeamSnapshot]:
        """Return the teams' parts of a month, in order."""
        async for document in _documents(self._documents, _snapshots(month)):
            yield _team_of(document.body)

    async def keep_snapshot(self, month: str, snapshot: TeamSnapshot) -> TeamSnapshot:
        """Keep a team's part, and return the one that is kept: where two instances take it, that of the first."""
        try:
            await self._documents.create(CONTAINER, _snapshots(month), _team_body(snapshot))
        except DocumentExists:
            return await self.snapshot(month, snapshot.team) or snapshot
        return snapshot


def _moved(month: str, by: int) -> str:
    """Return the name of a month before or after another."""
    year, number = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 + by, 12)
    return f"{year}-{number + 1:02}"


def _snapshots(month: str) -> str:
    return f"period|{month}"


async def _documents(
    documents: DocumentStore, partition: str, where: Sequence[Condition] = ()
) -> AsyncIterator[Document]:
    cursor: str | None = None
    while True:
        page = await documents.query(CONTAINER, partition, where, limit=_PAGE, cursor=cursor)
        for document in page.documents:
            yield document
        cursor = page.cursor
        if cursor is None:
            return


def _body_of(period: Period) -> Json:
    month = period.month
    return {
        "schema": 1,
        "kind": _KIND,
        "id": month.id,
        "label": month.label,
        "window": {"start": month.window.start.isoformat(), "end": month.window.end.isoformat()},
        "state": period.state.value,
        "closing_at": _text(period.closing_at),
        "closing_by": period.closing_by,
        "accepts_unpriced": period.accepts_unpriced,
        "blockers": list(period.blockers),
        "closed_at": _text(period.closed_at),
        "snapshot": _snapshot_body(period.snapshot) if period.snapshot else None,
    }


def _period_of(document: Document) -> Period:
    body: Mapping[str, Any] = document.body
    window = body["window"]
    start, end = datetime.fromisoformat(window["start"]), datetime.fromisoformat(window["end"])
    return Period(
        month=FiscalMonth(body["id"], body["label"], Window(body["id"], start, end)),
        state=State(body["state"]),
        closing_at=_moment(body["closing_at"]),
        closing_by=body["closing_by"],
        accepts_unpriced=body["accepts_unpriced"],
        blockers=tuple(body["blockers"]),
        closed_at=_moment(body["closed_at"]),
        snapshot=_snapshot_of(body["snapshot"]) if body["snapshot"] else None,
    )


def _snapshot_body(snapshot: Snapshot) -> Json:
    return {**asdict(snapshot), "cost": stored_sums(snapshot.cost)}


def _snapshot_of(stored: Mapping[str, Any]) -> Snapshot:
    return Snapshot(**{**stored, "cost": sums_of(stored["cost"])})


def _team_body(snapshot: TeamSnapshot) -> Json:
    return {
        "schema": 1,
        "kind": "snapshot",
        "id": snapshot.team,
        "taken_at": snapshot.taken_at.isoformat(),
        "totals": [{**asdict(total), "sums": stored_sums(total.sums)} for total in snapshot.totals],
        "heads": {month: list(head) for month, head in snapshot.heads.items()},
        "digest": snapshot.digest,
        "without_event": snapshot.without_event,
    }


def _team_of(body: Json) -> TeamSnapshot:
    stored = cast("Mapping[str, Any]", body)
    return TeamSnapshot(
        team=stored["id"],
        taken_at=datetime.fromisoformat(stored["taken_at"]),
        totals=tuple(Total(**{**total, "sums": sums_of(total["sums"])}) for total in stored["totals"]),
        heads={month: (int(head[0]), str(head[1])) for month, head in stored["heads"].items()},
        digest=stored["digest"],
        without_event=stored.get("without_event", 0),
    )


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
