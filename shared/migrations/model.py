"""A change of how documents are stored, and how far the changes have come."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from shared.documents import Json

CONTAINER = "migrations"


@dataclass(frozen=True, slots=True)
class Migration:
    """Brings the documents of one container to a new schema. The number is its identity and is never used again.

    `upgrade` returns the new body, or None for a document that has the new schema already. For documents without a
    time to live: `replace` would take it from them.
    """

    number: int
    name: str
    container: str
    upgrade: Callable[[Json], Json | None]
    partition_of: Callable[[Json], str]


@dataclass(frozen=True, slots=True)
class Progress:
    """What one run has done, and the names of the migrations that it left unfinished."""

    looked_at: int = 0
    upgraded: int = 0
    unfinished: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """Which migrations are finished, how far into its feed the one under way is, and who may work on it until when."""

    finished: frozenset[int] = frozenset()
    under_way: int | None = None
    cursor: str | None = None
    holder: str | None = None
    held_until: datetime | None = None

    def cursor_of(self, migration: Migration) -> str | None:
        return self.cursor if migration.number == self.under_way else None

    def is_held_by_another(self, holder: str, now: datetime) -> bool:
        return self.held_until is not None and self.holder != holder and now < self.held_until

    def held(self, holder: str, until: datetime) -> "State":
        return replace(self, holder=holder, held_until=until)

    def released(self) -> "State":
        return replace(self, holder=None, held_until=None)

    def moved(self, migration: Migration, cursor: str | None) -> "State":
        return replace(self, under_way=migration.number, cursor=cursor)

    def done(self, migration: Migration) -> "State":
        return replace(self, finished=self.finished | {migration.number}, under_way=None, cursor=None)
