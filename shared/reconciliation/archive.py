"""Takes documents out of the store for good: written to a file, read back, written down, and only then deleted.

Deleted is what the file holds, so nothing can go that is not in it. Every step can be repeated.
"""

import gzip
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import batched
from typing import Any, cast

import orjson

from shared.clock import Clock
from shared.documents import Delete, Document, DocumentExists, DocumentMissing, DocumentStore, Json, PreconditionFailed
from shared.ledger.model import CONTAINER
from shared.reconciliation.ports import ReportStorage

PARTITION = "archive"
MOST, MOST_BYTES = 20_000, 32 * 10**6
"""Documents of a file, and their bytes before they are compressed: what fits into memory."""

_BATCH = 100
_GZIP = "application/gzip"


class ArchiveDamaged(Exception):
    """A file is not there any more, or not as it was written; nothing was deleted because of it."""


class ArchiveChanged(Exception):
    """Another instance archives the same; it can go on."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file. `content` is the SHA-256 of the documents in it, a line each; `sha256` that of the file."""

    path: str
    count: int
    first: str
    last: str
    bytes: int
    sha256: str
    content: str
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """What was archived under a name. `mark` is how far the export of something has come that is not deleted."""

    id: str
    parts: tuple[Part, ...] = ()
    mark: str | None = None
    etag: str | None = None

    @property
    def count(self) -> int:
        return sum(part.count for part in self.parts)


@dataclass(frozen=True, slots=True)
class Source:
    """Documents to archive: their container and partition, and `read`, which yields them in the order of ids.

    `name` is what they are called in the archive's records, `folder` where their files go. `keeps`: they are copied, not deleted.
    """

    name: str
    folder: str
    container: str
    partition: str
    read: Callable[[str | None], AsyncIterator[Document]]
    keeps: bool = False


class Archive:
    """Raises StoreUnavailable, and whatever the storage raises."""

    def __init__(self, documents: DocumentStore, storage: ReportStorage, clock: Clock, exists: type[Exception]) -> None:
        """`exists` is what the storage raises where there is a file of that name."""
        self._documents, self._storage, self._clock, self._exists = documents, storage, clock, exists

    async def record(self, name: str) -> Record:
        document = await self._documents.get(CONTAINER, PARTITION, name)
        return _record_of(document) if document else Record(name)

    async def archived(self, team: str, month: str) -> int:
        """Return how many events of a partition of the ledger are in files."""
        return (await self.record(events_name(team, month))).count

    async def run(self, source: Source, deadline: float = float("inf")) -> Record:
        """Archive what the source has, a file after the other, until nothing is left or time is up.

        Raises ArchiveDamaged, and ArchiveChanged where another instance is at the same.
        """
        record = await self._delete_all(source, await self.record(source.name))
        while self._clock.monotonic() < deadline:
            lines = await _some(source.read(record.mark))
            if not lines:
                return record
            part = await self._write(source, lines)
            mark = part.last if source.keeps else None
            record = await self._save(replace(record, parts=(*record.parts, part), mark=mark))
            record = await self._delete_all(source, record)
        return record

    async def write_manifest(self, source: Source, record: Record) -> str:
        """Write what was archived beside the files, and return its path. The same again is the same file."""
        body = {"name": record.id, "documents": record.count, "parts": [_part_body(part) for part in record.parts]}
        content = orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
        path = f"{source.folder}/manifest-{sha256(content).hexdigest()[:16]}.json"
        await self._put(path, content, "application/json")
        return path

    async def _write(self, source: Source, lines: Sequence[tuple[str, bytes]]) -> Part:
        """Files are named by their content: where there is one of that name, it is this one, perhaps packed by another zlib."""
        content = b"".join(line for _, line in lines)
        digest = sha256(content).hexdigest()
        path = f"{source.folder}/{digest[:32]}.jsonl.gz"
        await self._put(path, gzip.compress(content, mtime=0), _GZIP)
        packed = await self._storage.read(path)
        if packed is None or _unpacked(packed, path) != content:
            raise ArchiveDamaged(path)
        return Part(
            path=path,
            count=len(lines),
            first=lines[0][0],
            last=lines[-1][0],
            bytes=len(packed),
            sha256=sha256(packed).hexdigest(),
            content=digest,
            is_deleted=source.keeps,
        )

    async def _put(self, path: str, content: bytes, content_type: str) -> None:
        try:
            await self._storage.write(path, content, content_type)
        except self._exists:
            return

    async def _read_back(self, part: Part) -> list[str]:
        """Return the ids in a file. Raises ArchiveDamaged."""
        packed = await self._storage.read(part.path)
        if packed is None or sha256(packed).hexdigest() != part.sha256:
            raise ArchiveDamaged(part.path)
        content = _unpacked(packed, part.path)
        ids = [str(orjson.loads(line)["id"]) for line in content.splitlines()]
        if sha256(content).hexdigest() != part.content or len(ids) != part.count:
            raise ArchiveDamaged(part.path)
        return ids

    async def _delete_all(self, source: Source, record: Record) -> Record:
        for place, part in enumerate(record.parts):
            if not part.is_deleted:
                for ids in batched(await self._read_back(part), _BATCH, strict=False):
                    await self._delete(source, ids)
                parts = (*record.parts[:place], replace(part, is_deleted=True), *record.parts[place + 1 :])
                record = await self._save(replace(record, parts=parts))
        return record

    async def _delete(self, source: Source, ids: Sequence[str]) -> None:
        try:
            await self._documents.batch(source.container, source.partition, [Delete(id) for id in ids])
        except DocumentMissing:
            # A run before this one was killed between its deletions and saying so.
            for id in ids:
                await self._documents.delete(source.container, source.partition, id)

    async def _save(self, record: Record) -> Record:
        body = _record_body(record, self._clock.now())
        try:
            if record.etag is None:
                document = await self._documents.create(CONTAINER, PARTITION, body)
            else:
                document = await self._documents.replace(CONTAINER, PARTITION, body, record.etag)
        except (DocumentExists, DocumentMissing, PreconditionFailed) as error:
            raise ArchiveChanged(record.id) from error
        return replace(record, etag=document.etag)


def events_name(team: str, month: str) -> str:
    return f"events|{month}|{team}"


async def _some(documents: AsyncIterator[Document]) -> list[tuple[str, bytes]]:
    """Return the next documents that go into one file, each with its line."""
    lines: list[tuple[str, bytes]] = []
    size = 0
    async for document in documents:
        line = orjson.dumps(document.body, option=orjson.OPT_SORT_KEYS) + b"\n"
        size += len(line)
        lines.append((str(document.body["id"]), line))
        if len(lines) == MOST or size >= MOST_BYTES:
            break
    return lines


def _unpacked(packed: bytes, path: str) -> bytes:
    try:
        return gzip.decompress(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise ArchiveDamaged(path) from error


def _part_body(part: Part) -> dict[str, Any]:
    return {name: value for name, value in asdict(part).items() if name != "is_deleted"}


def _record_body(record: Record, now: datetime) -> Json:
    return {
        "schema": 1,
        "kind": "archive",
        "id": record.id,
        "parts": [asdict(part) for part in record.parts],
        "mark": record.mark,
        "at": now.isoformat(),
    }


def _record_of(document: Document) -> Record:
    body = cast("Mapping[str, Any]", document.body)
    return Record(body["id"], tuple(Part(**part) for part in body["parts"]), body["mark"], document.etag)
