"""The one port for durable state: JSON documents in containers, grouped by partition.

Features build their stores on it; the adapters are SQLite on one machine and Cosmos DB in Azure. A document is a JSON object
with a string `id`, unique within (container, partition). Numbers that are incremented are integers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Json = Mapping[str, object]
Operator = Literal["=", "<", "<=", ">", ">="]


class DocumentExists(Exception):
    """A create met a document with the same id."""


class DocumentMissing(Exception):
    """A replace, increment or batch named a document that is not there."""


class PreconditionFailed(Exception):
    """The ETag did not match, or an increment would have passed its ceiling."""


class StoreUnavailable(Exception):
    """The store did not answer within its time budget; nothing is known about the document."""


@dataclass(frozen=True, slots=True)
class Document:
    """A stored document with the ETag of this version."""

    body: Json
    etag: str


@dataclass(frozen=True, slots=True)
class Condition:
    """`field operator value`; fields are top level, values strings, integers or booleans."""

    field: str
    operator: Operator
    value: str | int | bool


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a query or a feed; `cursor` continues it and is None at the end of a query."""

    documents: tuple[Document, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Create:
    document: Json
    ttl_s: int | None = None


@dataclass(frozen=True, slots=True)
class Upsert:
    document: Json
    ttl_s: int | None = None


@dataclass(frozen=True, slots=True)
class Replace:
    document: Json
    if_match: str
    ttl_s: int | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    id: str
    if_match: str | None = None


Operation = Create | Upsert | Replace | Delete


class DocumentStore(Protocol):
    """Every method raises StoreUnavailable when the store cannot be reached in time."""

    async def get(self, container: str, partition: str, id: str) -> Document | None:
        """Return the document, or None where there is none or its time to live is over."""

    async def create(self, container: str, partition: str, document: Json, ttl_s: int | None = None) -> Document:
        """Store a new document. Raises DocumentExists."""

    async def upsert(self, container: str, partition: str, document: Json, ttl_s: int | None = None) -> Document:
        """Store the document whether or not there was one."""

    async def replace(
        self, container: str, partition: str, document: Json, if_match: str, ttl_s: int | None = None
    ) -> Document:
        """Store a new version of exactly the version `if_match`. Raises DocumentMissing, PreconditionFailed."""

    async def delete(self, container: str, partition: str, id: str, if_match: str | None = None) -> bool:
        """Remove the document and say whether there was one. Raises PreconditionFailed."""

    async def increment(
        self, container: str, partition: str, id: str, field: str, by: int, ceiling: int | None = None
    ) -> int:
        """Add to an integer field (absent counts as 0) and return the sum.

        Raises DocumentMissing, and PreconditionFailed where the sum would pass `ceiling`; then nothing changed.
        """

    async def batch(
        self, container: str, partition: str, operations: Sequence[Operation]
    ) -> tuple[Document | None, ...]:
        """Apply up to 100 operations of one partition, all or none; None stands for a deletion.

        Raises what the first failing operation would have raised.
        """

    async def query(
        self,
        container: str,
        partition: str,
        where: Sequence[Condition] = (),
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        """Return documents of one partition that meet every condition, ordered by one field and then by id."""

    async def changes(self, container: str, cursor: str | None = None, limit: int = 100) -> Page:
        """Return documents created or changed since the cursor, each in its latest version, oldest change first.

        The page's cursor is never None; deletions do not show.
        """

    async def tip(self, container: str) -> str:
        """Return the cursor that `changes` goes on from with what is written after this call began."""

    async def close(self) -> None:
        """Finish what is under way and let go of files and sockets."""
