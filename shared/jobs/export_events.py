"""The ledger's entries and the audit log as a stream for others: pages that are pulled, or batches that are pushed.

It follows the change feeds of the two containers. At least once, and in order within a partition: a cursor moves on only after what it
stands behind was taken. Only fields that are listed here go out; no prompt and no answer is in them, as none is in the store.
"""

import base64
import binascii
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson

from shared.audit.model import ENTRY as AUDIT_ENTRY
from shared.clock import Clock
from shared.directory.documents import CONTAINER as DIRECTORY
from shared.documents import DocumentStore, Json
from shared.errors import BadRequest
from shared.ledger.documents import entry_of
from shared.ledger.model import CONTAINER as LEDGER
from shared.money import amount, text_of

CURSORS = "exports"
"""The container of how far each sink has come, in a partition of its own for each."""

MOST_ROWS = 1000
BUDGET_S = 50.0
"""Less than the minute between two ticks."""

_AUDIT_FIELDS = ("seq", "at", "actor", "action", "target", "team", "before", "after", "request_id", "previous", "seal")
_VERSION = "1"
_log = logging.getLogger("tollgate.export")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the stream. Rows with the same `partition` come in order."""

    partition: str
    content: Json

    def line(self) -> bytes:
        return orjson.dumps(self.content)


@dataclass(frozen=True, slots=True)
class Batch:
    """`cursor` goes on behind the rows. `is_last`: nothing else was there when this was read."""

    rows: Sequence[Row]
    cursor: str
    is_last: bool

    def ndjson(self) -> bytes:
        return b"".join(row.line() + b"\n" for row in self.rows)


@dataclass(frozen=True, slots=True)
class _Source:
    container: str
    row: Callable[[Json], Row | None]


class Sink(Protocol):
    """Where rows are pushed to."""

    async def send(self, rows: Sequence[Row]) -> None:
        """Return once all rows are taken. Raises SinkUnavailable; then some may have been taken."""


class SinkUnavailable(Exception):
    """The receiver did not take everything; the text names neither its address nor what it said."""


class ExportFeed:
    """Reads both feeds, one after the other, from a cursor that a reader keeps."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def read(self, cursor: str | None, limit: int = MOST_ROWS) -> Batch:
        """Return up to `limit` rows behind a cursor; None begins with the oldest. Raises BadRequest and StoreUnavailable.

        A batch may be empty without being the last: most of what changes in the ledger are sums, and these are not exported.
        """
        places, rows, is_last = _places(cursor), list[Row](), True
        for source in _SOURCES:
            page = await self._documents.changes(
                source.container, places.get(source.container), max(limit // len(_SOURCES), 1)
            )
            rows += [row for row in (source.row(document.body) for document in page.documents) if row is not None]
            places[source.container] = str(page.cursor)
            is_last = is_last and not page.documents
        return Batch(rows, _cursor(places), is_last)


class ExportPush:
    """Pushes what is new to one sink, and stores the cursor after each batch that was taken."""

    def __init__(self, documents: DocumentStore, clock: Clock, name: str, sink: Sink) -> None:
        self._documents, self._clock = documents, clock
        self._name, self._sink = name, sink

    async def run(self, budget_s: float = BUDGET_S) -> int:
        """Return how many rows were taken. Raises SinkUnavailable and StoreUnavailable; what was taken by then stays taken."""
        feed, until, taken = ExportFeed(self._documents), self._clock.monotonic() + budget_s, 0
        cursor = await self._stored()
        while self._clock.monotonic() < until:
            batch = await feed.read(cursor)
            if batch.rows:
                await self._sink.send(batch.rows)
                taken += len(batch.rows)
            if batch.cursor != cursor:
                await self._store(batch.cursor)
            cursor = batch.cursor
            if batch.is_last:
                break
        return taken

    async def _stored(self) -> str | None:
        document = await self._documents.get(CURSORS, self._name, self._name)
        return str(document.body["cursor"]) if document else None

    async def _store(self, cursor: str) -> None:
        now = self._clock.now().isoformat()
        body = {"schema": 1, "id": self._name, "cursor": cursor, "at": now}
        await self._documents.upsert(CURSORS, self._name, body)


async def push_all(documents: DocumentStore, clock: Clock, sinks: Mapping[str, Sink]) -> int:
    """Push to every sink; one that does not take anything holds up none of the others. Raises StoreUnavailable."""
    taken = 0
    for name, sink in sinks.items():
        try:
            taken += await ExportPush(documents, clock, name, sink).run(BUDGET_S / len(sinks))
        except SinkUnavailable as error:
            _log.warning("The export to %s waits: %s", name, error)
    return taken


def _entry_row(document: Json) -> Row | None:
    if document.get("kind") != "entry":
        return None
    entry = entry_of(document)
    content = {
        "type": "ledger.entry",
        "id": entry.id,
        "at": entry.at.isoformat(),
        "posted_at": entry.posted_at.isoformat(),
        "dimensions": entry.dimensions.to_json(),
        # Money is text: no reader shall make a float of it unasked.
        "cost": None if entry.told_cost is None else text_of(amount(entry.told_cost)),
        "lines": {name: text_of(amount(nanos)) for name, nanos in entry.lines.items()},
        "sums": dict(entry.sums),
        "price": entry.price,
        "event": entry.event,
        "tags": list(entry.tags),
        "session": entry.session,
        "reason": entry.reason,
        "adjusts": entry.adjusts,
        "unpriced": list(entry.unpriced),
        "actor": entry.actor,
    }
    return Row(entry.partition, content)


def _audit_row(document: Json) -> Row | None:
    if document.get("kind") != AUDIT_ENTRY:
        return None
    return Row("audit", {"type": "audit.entry", **{name: document[name] for name in _AUDIT_FIELDS if name in document}})


_SOURCES = (_Source(LEDGER, _entry_row), _Source(DIRECTORY, _audit_row))


def _cursor(places: Mapping[str, str]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps({"v": _VERSION, **places})).decode()


def _places(cursor: str | None) -> dict[str, str]:
    """Return how far each container was read."""
    if cursor is None:
        return {}
    try:
        parsed = orjson.loads(base64.urlsafe_b64decode(cursor))
    except (ValueError, binascii.Error):
        parsed = None
    containers = {source.container for source in _SOURCES}
    if not isinstance(parsed, dict) or parsed.pop("v", None) != _VERSION or not set(parsed) <= containers:
        raise BadRequest("The cursor is not one of this stream.", param="cursor")
    if not all(isinstance(place, str) for place in parsed.values()):
        raise BadRequest("The cursor is not one of this stream.", param="cursor")
    return dict(parsed)
