"""Exports events, sessions and audit entries that are kept long enough, and deletes what may go."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256

from shared.audit.model import ENTRY as AUDIT_ENTRY
from shared.audit.model import entry_id
from shared.clock import Clock
from shared.directory.documents import CONTAINER as DIRECTORY
from shared.directory.documents import PARTITION as AUDIT_PARTITION
from shared.documents import Condition, Document, DocumentExists, DocumentStore
from shared.finance.model import RetentionConfig
from shared.ledger.documents import PARTITIONS, team_of
from shared.ledger.model import CONTAINER as LEDGER
from shared.reconciliation.archive import PARTITION, Archive, ArchiveChanged, Record, Source, events_name
from shared.reconciliation.closing import ClosingService
from shared.reconciliation.months import utc_month
from shared.reconciliation.partition import EVENT, PartitionReader
from shared.reconciliation.service import ReconciliationService
from shared.sessions.model import CONTAINER as SESSIONS

BUDGET_S = 480.0
NAMED = 20
_PAGE = 500
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._~-]{0,127}")


@dataclass(frozen=True, slots=True)
class Retained:
    """What one run did: documents in files, and what still waits for something, and for what (the first few)."""

    exported: int = 0
    waiting: tuple[str, ...] = ()


class Retention:
    """Entries and cells stay for good. Every method raises StoreUnavailable, StorageUnavailable and ArchiveDamaged."""

    def __init__(
        self,
        documents: DocumentStore,
        clock: Clock,
        archive: Archive,
        reconciliation: ReconciliationService,
        closing: ClosingService,
        config: RetentionConfig,
    ) -> None:
        self._documents, self._clock, self._archive = documents, clock, archive
        self._reconciliation, self._closing = reconciliation, closing
        self._config = config
        self._exported, self._waiting = 0, list[str]()

    async def run(self, budget_s: float = BUDGET_S) -> Retained:
        """Go on where the last run stopped."""
        self._exported, self._waiting = 0, []
        deadline = self._clock.monotonic() + budget_s
        await self._events(deadline)
        await self._sessions(deadline)
        await self._export(self._audit(), deadline)
        return Retained(self._exported, tuple(self._waiting[:NAMED]))

    async def _events(self, deadline: float) -> None:
        limit = self._clock.now() - timedelta(days=self._config.events_days)
        months = await self._registered([Condition("id", "<", f"{limit:%Y-%m}")])
        for month, volumes in sorted(months.items()):
            if await self._documents.get(LEDGER, PARTITION, _done(month)) is not None:
                continue
            if not await self._is_closed(month):
                self._waiting.append(f"events of {month}: its periods are not closed")
                continue
            emptied = [await self._empty(volume, month, deadline) for volume in volumes]
            if all(emptied):
                await self._mark(month)

    async def _is_closed(self, month: str) -> bool:
        """A UTC month may lie in two reporting months; both must be closed, whatever time zone they were closed in."""
        return await self._closing.is_closed(utc_month(month))

    async def _empty(self, team: str, month: str, deadline: float) -> bool:
        """Take the events out of a partition, and say whether all are. None goes that is not proved to have its entry."""
        if self._clock.monotonic() >= deadline:
            return False
        finding = await self._reconciliation.reconcile(team, month)
        if not finding.is_clean or finding.is_busy:
            self._waiting.append(f"events of {month}, {team}: the ledger is not proved")
            return False
        reader = PartitionReader(self._documents, f"{team}|{month}")
        source = Source(
            events_name(team, month),
            f"archive/events/{month}/{_segment(team)}",
            LEDGER,
            reader.name,
            partial(_events_of, reader),
        )
        return await self._export(source, deadline) is not None and await _is_empty(reader)

    async def _sessions(self, deadline: float) -> None:
        """Days, which count them, stay."""
        before = (self._clock.now() - timedelta(days=self._config.sessions_days)).date().isoformat()
        for team in sorted({team_of(each) for volumes in (await self._registered()).values() for each in volumes}):
            partition = f"team|{team}"
            where = [Condition("id", ">=", "ses_"), Condition("id", "<", "ses_~"), Condition("day", "<", before)]
            read = partial(_all_anew, self._documents, SESSIONS, partition, where)
            folder = f"archive/sessions/{_segment(team)}"
            source = Source(f"sessions|{team}", folder, SESSIONS, partition, read)
            await self._export(source, deadline)

    async def _registered(self, where: Sequence[Condition] = ()) -> dict[str, list[str]]:
        """Return the UTC months that there is something of, with their volumes."""
        found: dict[str, list[str]] = {}
        async for document in _all(self._documents, LEDGER, PARTITIONS, where):
            month, _, volume = str(document.body["id"]).partition("|")
            found.setdefault(month, []).append(volume)
        return found

    def _audit(self) -> Source:
        """Copied, never deleted: the chain can only be verified from its first entry on."""
        limit = self._clock.now() - timedelta(days=self._config.audit_days)

        async def read(after: str | None) -> AsyncIterator[Document]:
            where = [Condition("kind", "=", AUDIT_ENTRY), Condition("id", ">", after or entry_id(0))]
            async for document in _all(self._documents, DIRECTORY, AUDIT_PARTITION, where):
                if datetime.fromisoformat(str(document.body["at"])) >= limit:
                    return
                yield document

        return Source("audit", "archive/audit", DIRECTORY, AUDIT_PARTITION, read, keeps=True)

    async def _export(self, source: Source, deadline: float) -> Record | None:
        """Archive what a source has; None where another instance is at it."""
        before = (await self._archive.record(source.name)).count
        try:
            record = await self._archive.run(source, deadline)
        except ArchiveChanged:
            self._waiting.append(f"{source.name}: another instance is at it")
            return None
        if record.count > before:
            await self._archive.write_manifest(source, record)
            self._exported += record.count - before
        return record

    async def _mark(self, month: str) -> None:
        try:
            body = {"schema": 1, "kind": "archived-month", "id": _done(month), "at": self._clock.now().isoformat()}
            await self._documents.create(LEDGER, PARTITION, body)
        except DocumentExists:
            return


def _done(month: str) -> str:
    return f"month|{month}"


def _segment(team: str) -> str:
    return team if _SAFE.fullmatch(team) else f"team-{sha256(team.encode()).hexdigest()[:24]}"


async def _events_of(reader: PartitionReader, after: str | None = None) -> AsyncIterator[Document]:
    async for document in reader.others():
        if document.body.get("kind") == EVENT:
            yield document


async def _is_empty(reader: PartitionReader) -> bool:
    async for _ in _events_of(reader):
        return False
    return True


async def _all_anew(
    documents: DocumentStore, container: str, partition: str, where: Sequence[Condition], after: str | None
) -> AsyncIterator[Document]:
    """What is deleted once it is exported is read from the beginning."""
    async for document in _all(documents, container, partition, where):
        yield document


async def _all(
    documents: DocumentStore, container: str, partition: str, where: Sequence[Condition]
) -> AsyncIterator[Document]:
    cursor: str | None = None
    while True:
        page = await documents.query(container, partition, where, limit=_PAGE, cursor=cursor)
        for document in page.documents:
            yield document
        if (cursor := page.cursor) is None:
            return
