import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.documents import DocumentStore, Json, StoreUnavailable
from shared.ledger.documents import MOST_BYTES, entry_id
from shared.ledger.model import CONTAINER, Entry, EntryType, Grain, View
from shared.ledger.posting import entry_of
from shared.ledger.service import ATTEMPTS, Contended, LedgerService
from shared.ledger.store import LedgerStore
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.ledger.synthetic import MORNING, at_once, event, per_token
from tests.shared.ledger.truth import YEARS, check, stored_events, tags_of
from tests.shared.watched_documents import Dying, Watched, port

NOW = MORNING + timedelta(hours=1)


def numbered(number: int) -> dict[str, Any]:
    """The event with this number is always the same: in two teams, around the turn of a month, some unpriced, some tagged."""
    return event(
        f"req_{number}",
        datetime(2026, 10, 31, 21, 30, tzinfo=UTC) + timedelta(minutes=37 * number),
        "search" if number % 3 else "shop",
        catalog_model="secret" if number % 5 == 0 else "gpt-4o",
        tags={f"t{n}": "x" for n in range(number % 4)},
        user=f"user-{number % 7}",
    )


def ledger_on(documents: DocumentStore, most_bytes: int = MOST_BYTES) -> LedgerService:
    return LedgerService(documents, FakeClock(NOW), time_zone="Europe/Berlin", most_bytes=most_bytes, sleep=at_once)


def entry(event: Json) -> Entry:
    return entry_of(event, per_token(event), NOW)


async def post(ledger: LedgerService, events: Sequence[Json]) -> int:
    return await ledger.post([entry(event) for event in events], events)


DELIVERIES = st.lists(st.lists(st.integers(0, 25), max_size=30), max_size=6)


@settings(max_examples=40, deadline=None)
@given(DELIVERIES)
async def test_however_events_are_delivered_each_counts_once(deliveries: list[list[int]]) -> None:
    documents = MemoryDocuments()
    ledger = ledger_on(documents)

    new = [await post(ledger, [numbered(n) for n in batch]) for batch in deliveries]

    known = {n for batch in deliveries for n in batch}
    assert sum(new) == len(known)
    await check(documents, [numbered(n) for n in known])


class Interleaved(Watched):
    """Lets others go on before every call, as often as the next number says."""

    def __init__(self, store: DocumentStore, turns: list[int]) -> None:
        super().__init__(store)
        self._turns = turns

    async def before(self, name: str) -> None:
        for _ in range(self._turns[len(self.calls) % len(self._turns)]):
            await asyncio.sleep(0)


@settings(max_examples=40, deadline=None)
@given(
    DELIVERIES, DELIVERIES, st.lists(st.integers(0, 9), min_size=1, max_size=9), st.lists(st.integers(0, 9), min_size=1)
)
async def test_two_instances_that_get_in_each_others_way_count_each_event_once(
    some: list[list[int]], others: list[list[int]], turns: list[int], other_turns: list[int]
) -> None:
    documents = MemoryDocuments()

    async def consume(deliveries: list[list[int]], turns: list[int]) -> int:
        ledger = ledger_on(port(Interleaved(documents, turns)))
        posts = (post(ledger, [numbered(n) for n in batch]) for batch in deliveries)
        return sum(await asyncio.gather(*posts))

    new = await asyncio.gather(consume(some, turns), consume(others, other_turns))

    known = {n for batch in (*some, *others) for n in batch}
    assert sum(new) == len(known)
    await check(documents, [numbered(n) for n in known])


@pytest.mark.parametrize("carries_out", [False, True])
async def test_a_crash_at_any_call_loses_nothing_and_doubles_nothing(carries_out: bool) -> None:
    """The same process goes on with what it remembers, and another one starts from nothing."""
    first, second = [numbered(n) for n in range(4)], [numbered(n) for n in range(2, 10)]
    at, died = 0, True
    while died:
        at += 1
        for goes_on in (False, True):
            documents = MemoryDocuments()
            switch = Switch(documents)
            ledger = ledger_on(port(switch))
            await post(ledger, first)
            switch.use(port(Dying(documents, at, carries_out=carries_out)))
            died = await dies(ledger, second)
            switch.use(documents)
            await post(ledger if goes_on else ledger_on(documents), second)
            await check(documents, [*first, *second])
    assert at > 10


class Switch(Watched):
    """The store of a process that goes on after its store has failed."""

    def use(self, store: DocumentStore) -> None:
        self._store = store


async def dies(ledger: LedgerService, events: Sequence[Json]) -> bool:
    try:
        await post(ledger, events)
    except StoreUnavailable:
        return True
    return False


async def test_the_same_entry_twice_in_one_call_counts_once() -> None:
    documents = MemoryDocuments()

    assert await post(ledger_on(documents), [numbered(1), numbered(1)]) == 1
    await check(documents, [numbered(1)])


async def test_where_nobody_else_posts_a_posting_reads_nothing() -> None:
    watched = Watched(MemoryDocuments())
    ledger = ledger_on(port(watched))
    await post(ledger, [event("req_1"), event("req_2")])
    watched.calls.clear()

    await post(ledger, [event("req_3"), event("req_4")])

    assert watched.calls == ["batch"]


async def test_an_event_that_is_stored_without_an_entry_gets_one() -> None:
    documents = MemoryDocuments()
    old = [event(f"req_{n}") for n in range(5)]
    for each in old:
        await documents.create(CONTAINER, "search|2026-11", each)

    assert await post(ledger_on(documents), [*old, event("req_9")]) == 6
    await check(documents, [*old, event("req_9")])


async def test_an_event_that_expired_does_not_come_back_with_its_entry() -> None:
    documents = MemoryDocuments()
    await post(ledger_on(documents), [event("req_1")])
    await documents.delete(CONTAINER, "search|2026-11", "req_1")

    assert await post(ledger_on(documents), [event("req_1")]) == 0
    assert await stored_events(LedgerStore(documents)) == []


async def test_one_partition_that_fails_does_not_keep_the_others() -> None:
    class NoShop(Watched):
        def __getattr__(self, name: str) -> Any:
            method = getattr(self._store, name)

            async def call(container: str, partition: str, *arguments: Any, **options: Any) -> Any:
                if partition.startswith("shop"):
                    raise StoreUnavailable
                return await method(container, partition, *arguments, **options)

            return call

    documents = MemoryDocuments()
    with pytest.raises(StoreUnavailable):
        await post(ledger_on(port(NoShop(documents))), [event("req_1", team="shop"), event("req_2")])

    head = await LedgerStore(documents).head("search", "2026-11")
    assert head.events == 1
    assert await post(ledger_on(documents), [event("req_1", team="shop"), event("req_2")]) == 1


async def test_who_is_always_overtaken_gives_up_so_that_the_queue_delivers_again() -> None:
    documents = MemoryDocuments()
    rival = ledger_on(documents)
    numbers = iter(range(1000))

    class Rivalled(Watched):
        async def before(self, name: str) -> None:
            if name == "batch":
                await post(rival, [event(f"req_rival_{next(numbers)}")])

    with pytest.raises(Contended):
        await post(ledger_on(port(Rivalled(documents))), [event("req_1")])
    assert next(numbers) == ATTEMPTS
    assert await post(ledger_on(documents), [event("req_1")]) == 1


async def test_cells_that_somebody_else_changed_are_read_again() -> None:
    """A repair replaces cells and head in one batch; even one that forgets the head is noticed."""
    documents = MemoryDocuments()
    ledger = ledger_on(documents)
    await post(ledger, [event("req_1")])
    page = await documents.query(CONTAINER, "search|2026-11", limit=100)
    for document in page.documents:
        if document.body["kind"] == "cell":
            await documents.upsert(CONTAINER, "search|2026-11", document.body)

    assert await post(ledger, [event("req_2")]) == 1
    await check(documents, [event("req_1"), event("req_2")])


async def test_tags_are_counted_by_day_and_by_month() -> None:
    documents = MemoryDocuments()
    await post(
        ledger_on(documents),
        [event("req_1", tags={"pr": "a#1", "env": "dev"}), event("req_2", tags={"pr": "a#1"}), event("req_3")],
    )

    assert await tags_of(documents, Grain.DAY) == {"pr=a#1": 2, "env=dev": 1}
    assert await tags_of(documents, Grain.MONTH) == {"pr=a#1": 2, "env=dev": 1}
    assert await tags_of(documents, Grain.HOUR) == {}


async def test_an_entry_with_the_most_tags_still_fits_into_a_batch() -> None:
    documents = MemoryDocuments()
    many = [event(f"req_{n}", tags={f"t{n}_{t}": "x" for t in range(10)}) for n in range(40)]

    assert await post(ledger_on(documents), many) == 40
    await check(documents, many)


async def test_adjustments_and_allocations_are_entries_of_their_own() -> None:
    documents = MemoryDocuments()
    ledger = ledger_on(documents)
    used = entry(event("req_1"))
    correction = replace(
        used,
        id="adj_led_req_1_abc",
        dimensions=replace(used.dimensions, type=EntryType.ADJUSTMENT),
        sums={},
        cost=-50,
        lines={"output_text": -50},
        event=None,
        adjusts=used.id,
        reason="price",
    )
    await ledger.post([used], [event("req_1")])

    assert await ledger.post([correction]) == 1
    assert await ledger.post([correction, used], [event("req_1")]) == 0
    head = await LedgerStore(documents).head("search", "2026-11")
    assert (head.events, head.sums["entries"], head.sums["cost"]) == (1, 2, (used.cost or 0) - 50)
    stored = await LedgerStore(documents).entry("search", used.at, correction.id)
    assert stored == correction


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"id": "req_1"}, "begins with one of"), ({"tags": tuple(str(n) for n in range(11))}, "at most 10 tags")],
)
async def test_what_would_not_be_found_again_or_not_fit_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        await ledger_on(MemoryDocuments()).post([replace(entry(event()), **changes)])


async def test_an_event_without_its_entry_is_refused() -> None:
    with pytest.raises(ValueError, match="the entry that names it"):
        await ledger_on(MemoryDocuments()).post([entry(event("req_1"))], [event("req_2")])


async def test_money_beyond_what_a_double_holds_is_kept_to_the_nano() -> None:
    documents = MemoryDocuments()
    dear = 2**53 + 1
    await ledger_on(documents).post([replace(entry(event()), cost=dear, lines={"output_text": dear})], [event()])

    (cell,) = [cell async for cell in LedgerStore(documents).cells(View.TOTAL, Grain.MONTH, YEARS)]
    stored = await LedgerStore(documents).entry("search", MORNING, entry_id("req_1"))
    assert cell.cost == dear
    assert stored is not None
    assert (stored.cost, stored.lines["output_text"]) == (dear, dear)
