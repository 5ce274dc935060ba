"""What reconciliation needs of others: the ledger, the notices that people get, the counters of budgets, a place for archives."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from shared.documents import Json
from shared.leases.model import Allowance, Level
from shared.ledger.model import Cell, Entry, Grain, Head, View
from shared.windows import Window


class Ledger(Protocol):
    """Reads the ledger. Every method raises StoreUnavailable."""

    async def partitions(self, month: str) -> list[str]:
        """Return the volumes of a UTC month: of each team one, called as the team is, or more."""

    async def teams(self, month: str) -> list[str]: ...

    async def volumes(self, team: str, month: str) -> list[str]: ...

    def cells(
        self, view: View, grain: Grain, window: Window, teams: Collection[str] | None = None
    ) -> AsyncIterator[Cell]: ...

    def entries(self, window: Window, teams: Collection[str] | None = None) -> AsyncIterator[Entry]: ...

    async def head(self, team: str, month: str) -> Head:
        """Return how far a team's month has come, all its volumes together."""

    async def volume_head(self, volume: str, month: str) -> Head: ...

    async def heads(self, window: Window) -> Mapping[tuple[str, str], Head]: ...


class Forms(Protocol):
    """How the ledger stores its documents: the module `shared.ledger.documents`.

    What reads one raises KeyError, ValueError, TypeError or AttributeError where it is none.
    """

    def entry_of(self, document: Json, /) -> Entry: ...

    def cell_of(self, document: Json, /) -> Cell: ...

    def head_of(self, document: Json, /) -> Head: ...

    def cell_document(self, cell: Cell, /, *, posting: int | None = None) -> Json: ...

    def head_document(self, head: Head, /) -> Json: ...

    def next_of(self, volume: str, /) -> str: ...

    def chained(self, digest: str, counted: Iterable[tuple[str, Mapping[str, int]]], /) -> str:
        """Return a head's digest after one more posting."""


class Reposts(Protocol):
    async def __call__(self, events: Sequence[Json]) -> int:
        """Price and post events that are stored but have no entry; return how many got one. Raises StoreUnavailable."""


class Archived(Protocol):
    async def __call__(self, team: str, month: str) -> int:
        """Return how many events of a partition were exported and may be gone from it. Raises StoreUnavailable."""


class Counters(Protocol):
    """The accounts of budgets: `shared.leases.service.Leases`."""

    async def look(self, allowance: Allowance) -> Level: ...

    def count(self, allowance: Allowance, amount: int) -> None: ...


class ReportStorage(Protocol):
    """Files that are written once."""

    async def write(self, path: str, content: bytes | AsyncIterator[bytes], content_type: str) -> None:
        """Raises ReportExists where there is one of this name."""

    async def read(self, path: str) -> bytes | None: ...
