"""A team's month that outgrows a partition goes on in another one."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.documents import Document, DocumentStore, StoreUnavailable
from shared.ledger.documents import next_of, team_of
from shared.ledger.model import CONTAINER, Dimensions, Entry, EntryType, Grain, View, total_of
from shared.ledger.rejected import RejectedStore
from shared.ledger.store import LedgerStore
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.ledger.test_service import DELIVERIES, NOW, Interleaved, entry, ledger_on, numbered, post
from tests.shared.ledger.truth import YEARS, check, sums_of
from tests.shared.watched_documents import Dying, Watched, port

SMALL = 5_000
"""Bytes of a volume: one batch of the numbered events fills it."""

MONTH = "2026-11"
EVENTS = [numbered(n) for n in range(70)]


class Asked(Watched):
    """Knows what was read, document for document."""

    def __init__(self, store: DocumentStore) -> None:
        super().__init__(store)
        self.ids: list[str] = []

    async def get(self, container: str, partition: str, id: str) -> Document | None:
        self.ids.append(id)
        return await self._store.get(container, partition, id)


async def volumes_of(documents: MemoryDocuments, month: str = MONTH) -> list[str]:
    return await LedgerStore(documents).partitions(month)


def different(numbers: Iterable[int]) -> list[dict[str, object]]:
    return [numbered(n) for n in sorted(set(numbers))]


def test_volumes_are_called_as_their_team_with_a_number() -> None:
    assert [next_of("search"), next_of("search~2"), next_of("search~9")] == ["search~2", "search~3", "search~10"]
    assert [team_of("search"), team_of("search~12")] == ["search", "search"]


@settings(max_examples=30, deadline=None)
@given(DELIVERIES, st.integers(1, 150_000))
async def test_however_events_are_delivered_each_counts_once_whatever_fits_into_a_volume(
    deliveries: list[list[int]], most_bytes: int
) -> None:
    documents = MemoryDocuments()
    ledger = ledger_on(documents, most_bytes)

    new = [await post(ledger, [numbered(n) for n in batch]) for batch in deliveries]

    known = different(n for batch in deliveries for n in batch)
    assert sum(new) == len(known)
    await check(documents, known)


@settings(max_examples=30, deadline=None)
@given(
    DELIVERIES, DELIVERIES, st.lists(st.integers(0, 9), min_size=1, max_size=9), st.lists(st.integers(0, 9), min_size=1)
)
async def test_two_instances_that_fill_volumes_together_enter_each_event_once(
    mine: list[list[int]], theirs: list[list[int]], my_turns: list[int], their_turns: list[int]
) -> None:
    documents = MemoryDocuments()

    async def deliver(deliveries: list[list[int]], turns: list[int]) -> int:
        ledger = ledger_on(port(Interleaved(documents, turns)), SMALL)
        return sum([await post(ledger, [numbered(n) for n in batch]) for batch in deliveries])

    new = await asyncio.gather(deliver(mine, my_turns), deliver(theirs, their_turns))

    known = different(n for batch in mine + theirs for n in batch)
    assert sum(new) == len(known)
    await check(documents, known)


@pytest.mark.parametrize("carries_out", [False, True])
@pytest.mark.parametrize("at", range(1, 21))
async def test_who_dies_while_a_volume_fills_has_lost_and_doubled_nothing(at: int, carries_out: bool) -> None:
    documents = MemoryDocuments()
    with pytest.raises(StoreUnavailable):
        await post(ledger_on(port(Dying(documents, at, carries_out=carries_out)), SMALL), EVENTS)

    await post(ledger_on(documents, SMALL), EVENTS)

    await check(documents, EVENTS)
    assert len(await volumes_of(documents)) > 3


async def test_a_volume_that_is_full_takes_nothing_more() -> None:
    documents = MemoryDocuments()
    ledger, store = ledger_on(documents, SMALL), LedgerStore(documents)
    await post(ledger, EVENTS)
    before = {volume: await store.volume_head(volume, MONTH) for volume in await volumes_of(documents)}

    await post(ledger, [numbered(n) for n in range(120)])

    full = {volume: head for volume, head in before.items() if head.is_full}
    assert len(full) > 2
    assert full == {volume: await store.volume_head(volume, MONTH) for volume in full}
    assert len(await volumes_of(documents)) > len(before)


async def test_an_instance_with_more_room_leaves_full_what_is_full() -> None:
    documents = MemoryDocuments()
    await post(ledger_on(documents, SMALL), EVENTS)
    volumes = await volumes_of(documents)

    assert await post(ledger_on(documents), EVENTS) == 0

    assert await volumes_of(documents) == volumes
    await check(documents, EVENTS)


async def test_what_a_volume_cannot_hold_by_its_time_is_not_looked_for_in_it() -> None:
    documents = MemoryDocuments()
    early, late = [numbered(n) for n in range(10, 20)], [numbered(n) for n in range(500, 505)]
    ledger = ledger_on(documents, 1)
    await post(ledger, early)
    asked = Asked(documents)

    await post(ledger_on(port(asked), 1), late)

    assert not [id for id in asked.ids if id.startswith(("led_", "req_"))]
    await check(documents, [*early, *late])


async def test_the_parts_of_a_month_are_read_as_one() -> None:
    documents = MemoryDocuments()
    await post(ledger_on(documents, SMALL), EVENTS)
    store, own = LedgerStore(documents), [event for event in EVENTS if event["team"] == "search"]

    assert await store.teams(MONTH) == ["search", "shop"]
    assert await store.volumes("search", MONTH) == ["search", "search~2", "search~3"]
    cells = [cell async for cell in store.cells(View.TOTAL, Grain.MONTH, YEARS, ["search"])]
    assert total_of(cells) == sums_of(own)
    for event in own:
        found = entry(event)
        assert await store.entry("search", found.at, found.id) == found
        assert await store.find("search", found.at, str(event["id"])) == event
    assert await store.find("search", entry(own[0]).at, "req_nobody") is None


async def test_what_was_entered_is_known_whatever_time_somebody_names() -> None:
    documents = MemoryDocuments()
    await post(ledger_on(documents, 1), EVENTS[10:20])
    await post(ledger_on(documents), EVENTS[20:])
    event = next(event for event in EVENTS[10:20] if event["team"] == "search")
    another = entry(event).at + timedelta(days=9)

    assert await LedgerStore(documents).entry("search", another, entry(event).id) == entry(event)
    assert await RejectedStore(documents, FakeClock(NOW)).is_posted(str(event["id"]), "search", another)


async def test_an_adjustment_is_entered_once_even_if_it_is_given_another_time() -> None:
    documents = MemoryDocuments()
    dimensions = Dimensions("search", EntryType.ADJUSTMENT)
    credit = Entry("adj_hand_1", NOW, NOW, dimensions, {}, cost=-5, lines={"adjustment": -5}, reason="a credit")
    await ledger_on(documents, 1).post([credit])

    assert await ledger_on(documents).post([replace(credit, at=NOW + timedelta(hours=9))]) == 0


async def test_a_head_over_volumes_moves_with_each_of_them() -> None:
    documents = MemoryDocuments()
    ledger, store = ledger_on(documents, SMALL), LedgerStore(documents)
    seen = []
    for event in EVENTS:
        await post(ledger, [event])
        seen.append(await store.heads(YEARS))

    assert all(one != other for one, other in pairwise(seen))
    postings = [sum(head.sequence for head in heads.values()) for heads in seen]
    assert postings == list(range(1, len(EVENTS) + 1))


async def test_an_event_that_lost_its_entry_gets_it_back_where_it_stands() -> None:
    documents = MemoryDocuments()
    await post(ledger_on(documents, SMALL), EVENTS)
    lost = next(event for event in EVENTS if event["team"] == "search")
    store = LedgerStore(documents)
    month = f"{entry(lost).at:%Y-%m}"
    assert (await store.volume_head("search", month)).is_full
    await documents.delete(CONTAINER, f"search|{month}", entry(lost).id)

    assert await post(ledger_on(documents, SMALL), [lost]) == 1

    assert await documents.get(CONTAINER, f"search|{month}", entry(lost).id) is not None
    assert [event async for event in store.events("search", month)].count(lost) == 1
