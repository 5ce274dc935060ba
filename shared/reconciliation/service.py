"""Proves that the entries, the cells, the head and the events of a partition say the same, and makes them say it again."""

from collections.abc import AsyncIterator
from dataclasses import replace

from shared.clock import Clock
from shared.documents import DocumentStore, Json
from shared.reconciliation.look import Look, Observer
from shared.reconciliation.model import Difference, Finding, Problem
from shared.reconciliation.partition import EVENT, USAGE, Deadline, PartitionReader, TimeIsUp, paired
from shared.reconciliation.ports import Archived, Forms, Reposts
from shared.reconciliation.repair import Repair
from shared.reconciliation.results import ResultStore
from shared.reconciliation.tally import CellIds
from shared.reconciliation.zone import ZoneStore

TRIES = 3
"""How often a partition is looked at that changes all the time, before only its quiet cells are judged."""

LONGEST_S = 1_000.0
"""For one partition, with its repair: a run that begins no other one after eight minutes ends before the host ends it, at thirty."""

_WORTH_S = 10.0
"""What has taken longer than this to read has changed once more before it is read again."""

_REPOSTED = 100


class ReconciliationService:
    """Everything can be killed at any point and done again: what is right already is left alone."""

    def __init__(
        self,
        documents: DocumentStore,
        clock: Clock,
        forms: Forms,
        repost: Reposts,
        archived: Archived,
        *,
        time_zone: str,
    ) -> None:
        ids = CellIds(time_zone)
        self._documents, self._clock = documents, clock
        self._repost, self._archived = repost, archived
        self._observer, self._repair = Observer(forms, ids), Repair(documents, forms, ids)
        self._zone_name = time_zone
        self.results = ResultStore(documents)
        self.zone = ZoneStore(documents, clock, time_zone)

    async def reconcile(self, team: str, month: str, *, repair: bool = True) -> Finding:
        """Look at the partition of a team and UTC month, put right what can be, and keep what was found.

        What cannot be read in LONGEST_S is found to be too large. Raises StoreUnavailable; what was put right until then stays so.
        """
        deadline = Deadline(self._clock, self._clock.monotonic() + LONGEST_S)
        reader = PartitionReader(self._documents, f"{team}|{month}", deadline)
        try:
            finding = await self._reconcile(team, month, reader, repair=repair)
        except TimeIsUp:
            large = (Difference(Problem.TOO_LARGE, 1, ()),)
            finding = Finding(team, month, self._clock.now(), differences=large, left=large, time_zone=self._zone_name)
        await self.results.keep(finding)
        return finding

    async def _reconcile(self, team: str, month: str, reader: PartitionReader, *, repair: bool) -> Finding:
        archived = await self._archived(team, month)
        look = await self._look(reader, archived)
        finding = self._finding(team, month, look, archived)
        if repair and finding.differences:
            repaired = await self._put_right(reader, look)
            after = await self._look(reader, archived)
            seen = self._finding(team, month, after, archived)
            finding = replace(seen, differences=finding.differences, repaired=repaired, left=seen.differences)
        return finding

    async def _look(self, reader: PartitionReader, archived: int) -> Look:
        for _ in range(TRIES - 1):
            began = self._clock.monotonic()
            look = await self._observer.look(reader, archived)
            if look.is_quiet or self._clock.monotonic() - began > _WORTH_S:
                return look
        return await self._observer.look(reader, archived)

    async def _put_right(self, reader: PartitionReader, look: Look) -> int:
        """Cells and head first: on a head that is wrong nothing can be posted."""
        repaired = await self._repair.run(reader, look)
        if not look.counts[Problem.EVENT_WITHOUT_ENTRY].number:
            return repaired
        waiting: list[Json] = []
        async for event in _without_entry(reader):
            waiting.append(event)
            if len(waiting) == _REPOSTED:
                repaired += await self._repost(waiting)
                waiting = []
        return repaired + (await self._repost(waiting) if waiting else 0)

    def _finding(self, team: str, month: str, look: Look, archived: int) -> Finding:
        head = look.head_value
        return Finding(
            team=team,
            month=month,
            at=self._clock.now(),
            events=look.events,
            archived=archived,
            entries=look.tally.entries,
            cells=len(look.tally.stored),
            sums=look.tally.sums,
            sequence=head.sequence if head else 0,
            digest=head.digest if head else "",
            differences=look.differences,
            unsettled=look.unsettled,
            is_busy=not look.is_quiet,
            left=look.differences,
            time_zone=self._zone_name,
        )


async def _without_entry(reader: PartitionReader) -> AsyncIterator[Json]:
    """Posting an event that has its entry meanwhile changes nothing."""
    events = (document async for document in reader.others() if document.body.get("kind") == EVENT)
    entries = (document async for document in reader.usage_entries())
    async for event, entry in paired(events, entries):
        if event is not None and entry is None and not str(event.body["id"]).startswith(USAGE):
            yield event.body
