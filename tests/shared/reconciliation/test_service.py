"""Whatever is spoilt in a partition is found, nothing else is, and afterwards it is as it was."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.documents import Json, StoreUnavailable
from shared.ledger.model import CONTAINER
from shared.reconciliation.model import Finding, Problem
from shared.reconciliation.service import LONGEST_S
from shared.reconciliation.zone import CellZone
from tests.shared.reconciliation.books import (
    MONTH,
    NOON,
    PARTITION,
    TEAM,
    Books,
    Lasting,
    adjustment,
    entry_for,
    event_of,
)
from tests.shared.watched_documents import Dying, Meddled, port


@pytest.fixture
def books() -> Books:
    return Books()


def found(finding: Finding) -> dict[Problem, int]:
    return {difference.problem: difference.count for difference in finding.differences}


async def test_a_partition_that_nobody_touched_is_clean(books: Books) -> None:
    await books.use(*range(5))
    await books.ledger.post([adjustment(1, NOON, -5)])

    finding = await books.reconciliation.reconcile(TEAM, MONTH)

    assert found(finding) == {}
    assert (finding.events, finding.entries, finding.is_clean, finding.is_busy) == (5, 6, True, False)
    assert finding.sums["cost"] == 5 * 1_000_000_007 - 5
    assert await books.reconciliation.results.find(TEAM, MONTH) == finding
    assert [item async for item in books.reconciliation.results.of(MONTH)] == [finding]


async def test_a_partition_that_is_not_there_is_clean(books: Books) -> None:
    assert (await books.reconciliation.reconcile(TEAM, MONTH)).is_clean


Spoil = st.sampled_from(["sums", "missing", "name", "unreadable"])


@settings(max_examples=25)
@given(spoils=st.dictionaries(st.integers(0, 200), Spoil, max_size=12), extra=st.integers(0, 2))
async def test_exactly_the_cells_that_were_spoilt_are_found_and_rebuilt(spoils: dict[int, str], extra: int) -> None:
    books = Books()
    await books.use(*range(4))
    await books.use(9, at=NOON + timedelta(days=3), cost_center="41")
    before = await books.content()
    cells = [id for id in before if id.startswith("cell|")]
    spoilt: dict[str, str] = {cells[place % len(cells)]: how for place, how in spoils.items()}
    for id, how in spoilt.items():
        await spoil(books, id, how)
    for number in range(extra):
        await books.documents.create(CONTAINER, PARTITION, {**before[cells[0]], "id": f"{cells[0]}{number}"})

    finding = await books.reconciliation.reconcile(TEAM, MONTH)

    expected = {
        Problem.CELL_MISSING: sum(how == "missing" for how in spoilt.values()),
        Problem.CELL_DIFFERS: sum(how != "missing" for how in spoilt.values()),
        Problem.CELL_SUPERFLUOUS: extra,
    }
    assert found(finding) == {problem: count for problem, count in expected.items() if count}
    assert finding.is_clean
    assert finding.repaired == len(spoilt) + extra
    assert await books.content() == before


async def spoil(books: Books, id: str, how: str) -> None:
    document = await books.documents.get(CONTAINER, PARTITION, id)
    assert document is not None
    body = dict(document.body)
    match how:
        case "missing":
            await books.documents.delete(CONTAINER, PARTITION, id)
            return
        case "sums":
            body["sums"] = {**body["sums"], "cost": 3}  # type: ignore[dict-item]
        case "name":
            body["sums"] = {**body["sums"], "unheard_of": 1}  # type: ignore[dict-item]
        case _:
            body.pop("dimensions", None)
    await books.documents.upsert(CONTAINER, PARTITION, body)


@pytest.mark.parametrize("change", [{"sums": {"cost": 1}}, {"events": 77}, {"sums": None}, None])
async def test_a_head_that_does_not_fit_is_made_anew(books: Books, change: Json | None) -> None:
    await books.use(*range(3))
    before = await books.content()
    document = await books.documents.get(CONTAINER, PARTITION, "head")
    assert document is not None
    if change is None:
        await books.documents.delete(CONTAINER, PARTITION, "head")
    else:
        await books.documents.upsert(CONTAINER, PARTITION, {**document.body, **change})

    finding = await books.reconciliation.reconcile(TEAM, MONTH)

    assert found(finding) == {Problem.HEAD_DIFFERS: 1}
    assert finding.is_clean
    after = await books.content()
    estimated = {"last_posted_at": "", "bytes": 0, "first_at": "", "last_at": ""}
    assert {**after["head"], **estimated} == {**before["head"], **estimated}
    await books.use(7)
    assert (await books.reconciliation.reconcile(TEAM, MONTH)).differences == ()


async def test_what_only_looks_is_told_and_changes_nothing(books: Books) -> None:
    await books.use(1)
    cell = next(id for id in await books.content() if id.startswith("cell|"))
    await spoil(books, cell, "sums")
    before = await books.content()

    finding = await books.reconciliation.reconcile(TEAM, MONTH, repair=False)

    assert found(finding) == {Problem.CELL_DIFFERS: 1}
    assert finding.differences[0].examples == (cell,)
    assert not finding.is_clean
    assert await books.content() == before


@settings(max_examples=20)
@given(lost=st.sets(st.integers(0, 9)), orphaned=st.sets(st.integers(0, 9)))
async def test_events_and_entries_without_each_other_are_found(lost: set[int], orphaned: set[int]) -> None:
    books = Books()
    await books.use(*(number for number in range(10) if number not in orphaned))
    for number in orphaned:
        await books.documents.create(CONTAINER, PARTITION, event_of(number, NOON + timedelta(minutes=7 * number)))
    for number in lost - orphaned:
        await books.documents.delete(CONTAINER, PARTITION, f"req_{number:06}")

    finding = await books.reconciliation.reconcile(TEAM, MONTH)

    expected = {
        Problem.EVENT_WITHOUT_ENTRY: len(orphaned),
        Problem.ENTRY_WITHOUT_EVENT: len(lost - orphaned),
    }
    assert found(finding) == {problem: count for problem, count in expected.items() if count}
    assert finding.entries == 10
    assert finding.repaired == len(orphaned)
    assert finding.is_clean is not bool(lost - orphaned)
    assert sum([1 async for _ in books.store.entries(_ever())]) == 10


def _ever():
    from shared.windows import Window

    return Window("", NOON - timedelta(days=9), NOON + timedelta(days=19))


async def test_events_that_were_archived_are_not_missed(books: Books) -> None:
    await books.use(*range(4))
    for number in (0, 1):
        await books.documents.delete(CONTAINER, PARTITION, f"req_{number:06}")

    books.archived = 2
    assert (await books.reconciliation.reconcile(TEAM, MONTH)).differences == ()

    books.archived = 1
    assert found(await books.reconciliation.reconcile(TEAM, MONTH)) == {Problem.ENTRY_WITHOUT_EVENT: 1}


async def test_what_does_not_belong_in_a_partition_is_named_and_left_alone(books: Books) -> None:
    await books.use(1)
    for id in ("aaa", "led_zzz", "cell|x", "zzz"):
        await books.documents.create(CONTAINER, PARTITION, {"id": id, "kind": "mystery"})

    finding = await books.reconciliation.reconcile(TEAM, MONTH)

    assert found(finding) == {Problem.UNKNOWN_DOCUMENT: 4}
    assert not finding.is_clean
    assert (await books.documents.get(CONTAINER, PARTITION, "zzz")) is not None


@pytest.mark.parametrize("at", range(1, 9))
async def test_a_posting_at_any_moment_of_a_look_raises_no_alarm(books: Books, at: int) -> None:
    await books.use(*range(3))
    meddled = Meddled(books.documents, at, lambda: books.use(50))

    finding = await books.service(port(meddled)).reconcile(TEAM, MONTH)

    assert found(finding) == {}
    assert finding.entries in (3, 4)
    assert (await books.reconciliation.reconcile(TEAM, MONTH)).entries == 4


class Busy(Meddled):
    """Somebody posts before every third call."""

    async def before(self, name: str) -> None:
        if len(self.calls) % 3 == 0:
            await self._act()


async def test_in_a_partition_that_never_rests_the_quiet_cells_are_judged_all_the_same(books: Books) -> None:
    await books.use(1, at=NOON - timedelta(days=5))
    old = next(id for id in await books.content() if id.startswith("cell|detail|hour"))
    await spoil(books, old, "sums")
    numbers = iter(range(100, 10_000))

    async def post() -> None:
        number = next(numbers)
        await books.ledger.post([entry_for(number)], [event_of(number)])

    finding = await books.service(port(Busy(books.documents, 0, post))).reconcile(TEAM, MONTH, repair=False)

    assert finding.is_busy
    assert found(finding) == {Problem.CELL_DIFFERS: 1}
    assert finding.differences[0].examples == (old,)
    assert finding.unsettled == ()
    await books.service(port(Busy(books.documents, 0, post))).reconcile(TEAM, MONTH)
    assert (await books.reconciliation.reconcile(TEAM, MONTH)).differences == ()


class Dragging(Busy):
    """Takes half a minute for each call besides."""

    def __init__(self, books: Books, act: Callable[[], Awaitable[object]]) -> None:
        super().__init__(books.documents, 0, act)
        self._clock = books.clock

    async def after(self, name: str) -> None:
        self._clock.advance(30)


async def test_what_takes_long_to_read_and_never_rests_is_read_once(books: Books) -> None:
    await books.use(1, at=NOON - timedelta(days=5))
    numbers = iter(range(100, 10_000))

    async def post() -> None:
        number = next(numbers)
        await books.ledger.post([entry_for(number)], [event_of(number)])

    dragging = Dragging(books, post)
    finding = await books.service(port(dragging)).reconcile(TEAM, MONTH)

    assert (finding.is_busy, found(finding)) == (True, {})
    assert dragging.calls.count("query") < 10


async def test_what_cannot_be_read_in_time_is_too_large_and_says_nothing_else(books: Books) -> None:
    await books.use(1)
    slow = port(Lasting(books.documents, books.clock, LONGEST_S / 3, "query"))

    finding = await books.service(slow).reconcile(TEAM, MONTH)

    assert found(finding) == {Problem.TOO_LARGE: 1}
    assert not finding.is_clean
    assert not finding.is_counted
    assert await books.reconciliation.results.find(TEAM, MONTH) == finding


@pytest.mark.parametrize("carries_out", [False, True])
async def test_a_repair_that_is_killed_anywhere_is_finished_by_the_next(carries_out: bool) -> None:
    for at in range(1, 40):
        books = Books()
        await books.use(*range(3))
        before = await books.content()
        cells = [id for id in before if id.startswith("cell|")]
        for id, how in zip(cells, ["sums", "missing", "unreadable"], strict=False):
            await spoil(books, id, how)
        await books.documents.upsert(CONTAINER, PARTITION, {**before["head"], "sequence": 1, "digest": "", "events": 9})
        dying = Dying(books.documents, at, carries_out=carries_out)
        try:
            finding = await books.service(port(dying)).reconcile(TEAM, MONTH)
        except StoreUnavailable:
            finding = await books.reconciliation.reconcile(TEAM, MONTH)
        else:
            assert len(dying.calls) < at
            return
        assert finding.is_clean
        assert await books.content() == before
    pytest.fail("reconciling takes more calls than were tried")


async def test_who_posts_after_a_repair_counts_on_what_was_repaired(books: Books) -> None:
    """The ledger remembers cells: a repair must not be written over from its memory."""
    await books.use(1)
    for id in [id for id in await books.content() if id.startswith("cell|")][:2]:
        await spoil(books, id, "sums")
    await books.reconciliation.reconcile(TEAM, MONTH)

    await books.use(2)

    assert (await books.reconciliation.reconcile(TEAM, MONTH)).differences == ()


class Restless(Busy):
    """Posts before calls by the numbers that it is given, and never within what it does itself."""

    def __init__(self, books: Books, moments: set[int], act: Callable[[], Awaitable[object]]) -> None:
        super().__init__(books.documents, 0, act)
        self._moments = moments

    async def before(self, name: str) -> None:
        if len(self.calls) % 23 in self._moments:
            await self._act()


@settings(max_examples=25)
@given(moments=st.sets(st.integers(0, 22), max_size=8), spoils=st.dictionaries(st.integers(0, 60), Spoil, max_size=6))
async def test_whoever_posts_while_it_is_counted_anew_every_sum_is_that_of_its_entries(
    moments: set[int], spoils: dict[int, str]
) -> None:
    """Also the sums of this hour, day and month, which are never left alone."""
    before = Books()
    await before.use(*range(5))
    cells = [id for id in await before.content() if id.startswith("cell|")]
    for place, how in spoils.items():
        if await before.documents.get(CONTAINER, PARTITION, cells[place % len(cells)]):
            await spoil(before, cells[place % len(cells)], how)
    books = Books(before.documents, "Asia/Kolkata")
    numbers = iter(range(100, 10_000))

    async def post() -> None:
        number = next(numbers)
        await books.ledger.post([entry_for(number)], [event_of(number)])

    await post()
    finding = await books.service(port(Restless(books, moments, post))).reconcile(TEAM, MONTH)

    at_rest = await books.reconciliation.reconcile(TEAM, MONTH)
    if finding.is_counted and not finding.unsettled:
        assert at_rest.differences == ()
    assert at_rest.is_clean


class Read(Busy):
    """Somebody posts before every page that is read: what takes long is reading."""

    async def before(self, name: str) -> None:
        if name == "query":
            await self._act()


async def test_in_a_partition_that_never_rests_another_time_zone_is_counted_all_the_same() -> None:
    before = Books()
    await before.use(*range(5))
    books = Books(before.documents, "Asia/Kolkata")
    numbers = iter(range(100, 10_000))

    async def post() -> None:
        number = next(numbers)
        await books.ledger.post([entry_for(number)], [event_of(number)])

    await post()
    finding = await books.service(port(Read(books.documents, 0, post))).reconcile(TEAM, MONTH)

    assert finding.is_busy
    assert (finding.left, finding.unsettled) == ((), ())
    assert (await books.reconciliation.reconcile(TEAM, MONTH)).differences == ()


async def test_of_two_that_repair_the_same_busy_sum_one_does(books: Books) -> None:
    await books.use(*range(3))
    for id in [id for id in await books.content() if id.startswith("cell|")]:
        await spoil(books, id, "sums")
    numbers = iter(range(100, 10_000))

    async def post() -> None:
        number = next(numbers)
        await books.ledger.post([entry_for(number)], [event_of(number)])

    async def both() -> None:
        await post()
        await books.reconciliation.reconcile(TEAM, MONTH)

    for at in range(1, 30):
        await books.service(port(Meddled(books.documents, at, both))).reconcile(TEAM, MONTH)

        assert (await books.reconciliation.reconcile(TEAM, MONTH)).differences == ()
        for id in [id for id in await books.content() if id.startswith("cell|")]:
            await spoil(books, id, "sums")


async def test_sums_that_do_not_say_how_far_they_count_are_judged_when_they_rest(books: Books) -> None:
    """So they were written before, and are by instances of that version."""
    await books.use(1)
    numbers = iter(range(100, 10_000))

    async def post() -> None:
        number = next(numbers)
        await books.ledger.post([entry_for(number)], [event_of(number)])
        for id, body in (await raw(books)).items():
            if id.startswith("cell|"):
                plain = {name: value for name, value in body.items() if name != "posting"}
                await books.documents.upsert(CONTAINER, PARTITION, plain)

    finding = await books.service(port(Busy(books.documents, 0, post))).reconcile(TEAM, MONTH)

    assert (finding.left, finding.is_busy) == ((), True)
    assert NOON in finding.unsettled
    zone = CellZone("UTC", NOON)
    assert not zone.is_of(finding)
    assert zone.is_of(replace(finding, unsettled=()))


async def test_an_entry_that_cannot_be_read_keeps_no_sum_from_being_repaired(books: Books) -> None:
    await books.use(*range(3))
    for id in [id for id in await books.content() if id.startswith("cell|")][:2]:
        await spoil(books, id, "sums")
    await books.documents.create(CONTAINER, PARTITION, {"id": "adj_odd", "kind": "entry"})

    finding = await books.reconciliation.reconcile(TEAM, MONTH)

    assert [each.problem for each in finding.left] == [Problem.UNKNOWN_DOCUMENT]


async def raw(books: Books) -> dict[str, Json]:
    page = await books.documents.query(CONTAINER, PARTITION, limit=100_000)
    return {str(document.body["id"]): document.body for document in page.documents}
