"""What reports need of others: the ledger's sums, the state of the books, and a place for files that are written once."""

import re
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import datetime
from typing import Protocol

from shared.ledger.model import Cell, Grain, Head, View
from shared.reconciliation.model import TeamSnapshot
from shared.windows import Window

_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9._@+=-]{0,127}"
_PATH = re.compile(rf"{_SEGMENT}(/{_SEGMENT}){{0,11}}")
_PREFIX = re.compile(rf"(?:{_SEGMENT}/){{0,11}}(?:{_SEGMENT})?")


class ReportExists(Exception):
    """There is a file of this name already; what was written once is never overwritten."""


class StorageUnavailable(Exception):
    """The storage did not take or give a file; whether it was written is not known."""


class ReportStorage(Protocol):
    """Files that are written once. Every method raises StorageUnavailable, and ValueError for a path that is not one."""

    async def write(self, path: str, content: bytes | AsyncIterator[bytes], content_type: str) -> None:
        """Store a file, whole or not at all. Raises ReportExists."""

    async def read(self, path: str) -> bytes | None:
        """Return a file, or None where there is none."""

    async def list(self, prefix: str) -> list[str]:
        """Return the paths that begin so, in order."""

    async def close(self) -> None: ...


class LedgerReader(Protocol):
    """Reads the ledger. Every method raises StoreUnavailable."""

    def cells(
        self, view: View, grain: Grain, window: Window, teams: Collection[str] | None = None
    ) -> AsyncIterator[Cell]:
        """Return the cells with window.start <= start < window.end, of these teams or of all, in an order that only they decide."""

    async def head(self, team: str, month: str) -> Head:
        """Return how far the partition of a team's UTC month has come."""

    async def heads(self, window: Window) -> Mapping[tuple[str, str], Head]:
        """Return how far each partition has come, by team and UTC month."""

    async def check(self, grain: Grain, window: Window, teams: Collection[str] | None = None) -> None:
        """Raise BooksRecounted where the cells of this grain are being counted anew, and cannot be relied on yet."""


class Books(Protocol):
    """The state of the periods."""

    async def state(self, month: str) -> str:
        """Return open, closing or closed for a reporting month such as `2026-11`. Raises StoreUnavailable."""

    def closed_with(self, month: str) -> AsyncIterator[TeamSnapshot]:
        """Return the teams' parts of what a closed month was closed with. Raises StoreUnavailable."""

    def fiscal_label(self, at: datetime) -> str:
        """Return the fiscal month that holds a moment, such as `FY2026-P08`."""


class Names(Protocol):
    """What people call teams and areas."""

    async def of(self, addresses: Collection[str]) -> Mapping[str, str]:
        """Return names by address, such as `teams/search`, of those that have one. Raises StoreUnavailable."""


class GivenNames:
    """Names that somebody wrote down, such as those in the manifest of a report that is made again."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    async def of(self, addresses: Collection[str]) -> Mapping[str, str]:
        return {address: name for address, name in self._names.items() if address in addresses}


NAMELESS = GivenNames({})


class Signer(Protocol):
    """Signs manifests with Ed25519."""

    @property
    def public_key(self) -> bytes:
        """32 bytes."""

    def sign(self, content: bytes) -> bytes:
        """64 bytes."""


def checked_path(path: str) -> str:
    """Return the path if it can lead nowhere else: names divided by slashes, none of which begins with a dot. Raises ValueError."""
    if len(path) > 800 or not _PATH.fullmatch(path):
        raise ValueError("not a path of a report")
    return path


def checked_prefix(prefix: str) -> str:
    """Return the beginning of paths. Raises ValueError."""
    if len(prefix) > 800 or not _PREFIX.fullmatch(prefix):
        raise ValueError("not the beginning of a report's path")
    return prefix
