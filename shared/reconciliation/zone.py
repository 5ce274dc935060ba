"""Remembers which time zone the ledger's hours, days and months are of: when it becomes another, all of them are counted anew."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from shared.clock import Clock
from shared.documents import Document, DocumentExists, DocumentMissing, DocumentStore, Json, PreconditionFailed
from shared.ledger.model import CONTAINER
from shared.reconciliation.model import Finding

PARTITION, ID = "periods", "calendar"


@dataclass(frozen=True, slots=True)
class CellZone:
    """The reporting time zone since `since`. Until `is_settled` cells of the one `before` may still be among the ledger's."""

    time_zone: str
    since: datetime
    before: str | None = None
    is_settled: bool = True
    etag: str = ""

    def is_of(self, finding: Finding | None) -> bool:
        """Whether the cells of a partition were proved to be of this time zone since it changed: all of them, also the busiest."""
        if finding is None or finding.time_zone != self.time_zone:
            return False
        return finding.is_counted and not finding.unsettled and finding.at >= self.since


class ZoneStore:
    """Every method raises StoreUnavailable."""

    def __init__(self, documents: DocumentStore, clock: Clock, time_zone: str) -> None:
        self._documents, self._clock, self._zone = documents, clock, time_zone

    async def state(self) -> CellZone:
        """Return how it stands; where the time zone is another than was written down, that is written down first."""
        while True:
            found = await self._found()
            if found is not None and found.time_zone == self._zone:
                return found
            changed = self._changed(found)
            try:
                return await self._save(changed, found)
            except (DocumentExists, DocumentMissing, PreconditionFailed):
                continue

    async def look(self) -> CellZone:
        """Return how it stands without writing anything down: reading changes no books."""
        found = await self._found()
        return found if found is not None and found.time_zone == self._zone else self._changed(found)

    async def settle(self, zone: CellZone) -> None:
        """Say that all is counted anew, unless the time zone has changed once more."""
        try:
            await self._save(replace(zone, is_settled=True), zone)
        except (DocumentMissing, PreconditionFailed):
            return

    async def _found(self) -> CellZone | None:
        document = await self._documents.get(CONTAINER, PARTITION, ID)
        return _zone_of(document) if document else None

    def _changed(self, found: CellZone | None) -> CellZone:
        """Return a time zone as it stands when it begins: in a ledger that knew none everything is of it."""
        before = found.time_zone if found else None
        return CellZone(self._zone, self._clock.now(), before, is_settled=found is None)

    async def _save(self, zone: CellZone, found: CellZone | None) -> CellZone:
        if found is None:
            document = await self._documents.create(CONTAINER, PARTITION, _body_of(zone))
        else:
            document = await self._documents.replace(CONTAINER, PARTITION, _body_of(zone), found.etag)
        return replace(zone, etag=document.etag)


def _body_of(zone: CellZone) -> Json:
    return {
        "schema": 1,
        "kind": "calendar",
        "id": ID,
        "time_zone": zone.time_zone,
        "since": zone.since.isoformat(),
        "before": zone.before,
        "is_settled": zone.is_settled,
    }


def _zone_of(document: Document) -> CellZone:
    body = cast("Mapping[str, Any]", document.body)
    since = datetime.fromisoformat(body["since"])
    return CellZone(body["time_zone"], since, body["before"], body["is_settled"], document.etag)
