"""Tells whether sums can be relied on while the ledger is counted anew for another time zone: what is not ready is refused."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field
from itertools import chain

from shared.clock import Clock
from shared.documents import DocumentStore
from shared.reconciliation.model import BooksRecounted
from shared.reconciliation.results import ResultStore
from shared.reconciliation.zone import CellZone, ZoneStore

KEPT_S = 10.0
"""How long it is remembered how far the counting is: every question about money asks."""

type Volumes = frozenset[str]


@dataclass(slots=True)
class _Standing:
    """What was seen: by UTC month all volumes of it, and those whose cells are not proved to be of the time zone."""

    zone: CellZone
    until: float
    months: dict[str, tuple[Volumes, Volumes]] = field(default_factory=dict)


class Recount:
    """`partitions` returns the volumes of a UTC month, `team_of` the team of one. Every method raises StoreUnavailable."""

    def __init__(
        self,
        documents: DocumentStore,
        clock: Clock,
        time_zone: str,
        partitions: Callable[[str], Awaitable[Collection[str]]],
        team_of: Callable[[str], str],
    ) -> None:
        self._zone, self._results = ZoneStore(documents, clock, time_zone), ResultStore(documents)
        self._clock, self._partitions, self._team_of = clock, partitions, team_of
        self._seen: _Standing | None = None

    async def time_zone(self) -> str | None:
        """Return the time zone that the books are being counted anew for; None where they are not."""
        zone = (await self._standing()).zone
        return None if zone.is_settled else zone.time_zone

    async def check(self, months: Iterable[str], teams: Collection[str] | None = None) -> None:
        """Raise BooksRecounted where a partition of these UTC months and teams (None: all) is not counted anew yet."""
        standing = await self._standing()
        if standing.zone.is_settled:
            return
        asked = [await self._month(standing, month) for month in months]
        if left := sum(self._count(left, teams) for _, left in asked):
            raise BooksRecounted(standing.zone.time_zone, left, sum(self._count(found, teams) for found, _ in asked))

    def _count(self, volumes: Volumes, teams: Collection[str] | None) -> int:
        return sum(teams is None or self._team_of(volume) in teams for volume in volumes)

    async def ready(self, months: Iterable[str]) -> frozenset[str] | None:
        """Return the teams of which every partition of these UTC months is counted anew; None where all are."""
        standing = await self._standing()
        if standing.zone.is_settled:
            return None
        seen = [await self._month(standing, month) for month in months]
        found, left = (frozenset(map(self._team_of, chain(*volumes))) for volumes in zip(*seen, strict=True))
        return found - left if left else None

    async def _standing(self) -> _Standing:
        now = self._clock.monotonic()
        if self._seen is None or now >= self._seen.until:
            self._seen = _Standing(await self._zone.look(), now + KEPT_S)
        return self._seen

    async def _month(self, standing: _Standing, month: str) -> tuple[Volumes, Volumes]:
        if month not in standing.months:
            proved = {finding.team async for finding in self._results.of(month) if standing.zone.is_of(finding)}
            found = frozenset(await self._partitions(month))
            standing.months[month] = (found, found - proved)
        return standing.months[month]
