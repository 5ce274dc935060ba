"""The log is read newest first, and shows whoever has tampered with it that it knows."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.sqlite_documents import SqliteDocuments
from shared.audit.model import HEAD, Actor, Alteration, Chain, entry_id
from shared.audit.store import AuditLog, Verification
from shared.directory.documents import CONTAINER, PARTITION
from shared.documents import DocumentStore, Page, Upsert
from tests.fakes import FakeClock, MemoryDocuments

ENTRIES = 6
TEAMS = ("teams|t0", "teams|t1")
ADA = Actor("ada", "operator")

type Body = dict[str, Any]


@pytest.fixture(params=["memory", "sqlite"])
async def documents(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DocumentStore]:
    clock = FakeClock()
    store = MemoryDocuments(clock) if request.param == "memory" else SqliteDocuments(tmp_path / "state.db", clock)
    yield store
    await store.close()


@pytest.fixture
async def log(documents: DocumentStore) -> AuditLog:
    return await filled(documents)


async def filled(documents: DocumentStore, entries: int = ENTRIES) -> AuditLog:
    log = AuditLog(documents, b"pepper")
    for number in range(1, entries + 1):
        await append(documents, log, number)
    return log


async def append(documents: DocumentStore, chain: Chain, number: int) -> None:
    """Add an entry together with what it tells of; a log of several holds creations, changes and deletions."""
    id = f"t{number % 2}"
    before, after = {"id": id, "models": ["a", {"b": number}]}, None if number == 3 else {"id": id, "name": "Search"}
    alteration = Alteration(f"teams/{id}", before, after, "team.update", id)
    head = await documents.get(CONTAINER, PARTITION, HEAD)
    entries, new_head = chain.entries_for(head, ADA, [alteration], FakeClock().now(), f"req_{number}")
    resource = Upsert(
        team_document(id, after) if after else {"id": f"teams|{id}", "kind": "deleted-team", "deleted": True}
    )
    await documents.batch(CONTAINER, PARTITION, [*entries, new_head, resource])


def team_document(id: str, resource: Mapping[str, object]) -> Body:
    scope, at = f"teams/{id}", FakeClock().now().isoformat()
    times = {"created_at": at, "updated_at": at}
    return {"id": f"teams|{id}", "kind": "team", "scope": scope, "team": id, "resource": resource, **times}


async def read(documents: DocumentStore, id: str) -> Body:
    document = await documents.get(CONTAINER, PARTITION, id)
    assert document is not None
    return dict(document.body)


async def write(documents: DocumentStore, *bodies: Body) -> None:
    for body in bodies:
        await documents.upsert(CONTAINER, PARTITION, body)


async def remove(documents: DocumentStore, *ids: str) -> None:
    for id in ids:
        assert await documents.delete(CONTAINER, PARTITION, id)


def broken_at(seq: int) -> Verification:
    return Verification(False, seq - 1, seq)


class TestPages:
    async def test_the_newest_entry_comes_first(self, log: AuditLog) -> None:
        entries, cursor = await log.page()

        assert [entry.seq for entry in entries] == [6, 5, 4, 3, 2, 1]
        assert cursor is None
        assert entries[0].actor == ADA
        assert entries[0].at == FakeClock().now()
        assert (entries[3].after, entries[3].request_id) == (None, "req_3")
        assert entries[0].previous == entries[1].seal

    @pytest.mark.parametrize("limit", [1, 2, 4])
    async def test_pages_lose_nothing_and_show_nothing_twice(self, log: AuditLog, limit: int) -> None:
        found: list[int] = []
        cursor = None
        while True:
            entries, cursor = await log.page(limit, cursor)
            found += [entry.seq for entry in entries]
            assert len(entries) <= limit
            if cursor is None:
                break

        assert found == [6, 5, 4, 3, 2, 1]

    async def test_the_entries_of_one_resource_can_be_read_alone(self, log: AuditLog) -> None:
        entries, _ = await log.page(target="teams/t1")

        assert [entry.seq for entry in entries] == [5, 3, 1]


class TestVerification:
    async def test_an_untouched_log_is_sound(self, log: AuditLog) -> None:
        assert await log.verify() == Verification(True, ENTRIES)

    async def test_an_empty_log_is_sound(self) -> None:
        assert await AuditLog(MemoryDocuments(), b"pepper").verify() == Verification(True, 0)

    async def test_a_log_of_many_pages_is_walked_to_its_end(self) -> None:
        documents = MemoryDocuments()
        log = await filled(documents, 450)
        assert await log.verify() == Verification(True, 450)

        await write(documents, {**await read(documents, entry_id(449)), "target": "teams/other"})
        assert await log.verify() == broken_at(449)

    async def test_nobody_else_can_vouch_for_it(self, documents: DocumentStore, log: AuditLog) -> None:
        assert log is not None
        assert await AuditLog(documents, b"other").verify() == broken_at(1)

    @pytest.mark.parametrize("seq", [1, 3, ENTRIES])
    async def test_what_a_resource_was_before_cannot_be_altered(
        self, documents: DocumentStore, log: AuditLog, seq: int
    ) -> None:
        await write(documents, {**await read(documents, entry_id(seq)), "before": {"id": "t1", "name": "Mine"}})

        assert await log.verify() == broken_at(seq)

    @pytest.mark.parametrize("seq", [1, 3, ENTRIES])
    async def test_a_removed_entry_is_missed(self, documents: DocumentStore, log: AuditLog, seq: int) -> None:
        await remove(documents, entry_id(seq))

        assert await log.verify() == broken_at(seq)

    async def test_a_removed_entry_cannot_be_hidden_by_renumbering(
        self, documents: DocumentStore, log: AuditLog
    ) -> None:
        for seq in range(3, ENTRIES):
            await write(documents, {**await read(documents, entry_id(seq + 1)), "id": entry_id(seq), "seq": seq})
        await remove(documents, entry_id(ENTRIES))

        assert await log.verify() == broken_at(3)

    async def test_two_entries_cannot_change_places(self, documents: DocumentStore, log: AuditLog) -> None:
        second, third = await read(documents, entry_id(2)), await read(documents, entry_id(3))
        await write(documents, {**third, "id": entry_id(2), "seq": 2}, {**second, "id": entry_id(3), "seq": 3})
        assert await log.verify() == broken_at(2)

        await write(documents, {**third, "id": entry_id(2)}, {**second, "id": entry_id(3)})
        assert await log.verify() == broken_at(2)

    @pytest.mark.parametrize(
        ("id", "broken"),
        [
            ("audit|000000000003x", 4),
            ("audit|000000000000", 1),
            ("aaa", 1),
            ("zzz", ENTRIES + 1),
            (entry_id(ENTRIES + 1), ENTRIES + 1),
        ],
    )
    async def test_an_inserted_entry_shows(self, documents: DocumentStore, log: AuditLog, id: str, broken: int) -> None:
        last = await read(documents, entry_id(ENTRIES))
        await write(documents, {**last, "id": id, "seq": ENTRIES + 1, "previous": last["seal"]})

        assert await log.verify() == broken_at(broken)

    @pytest.mark.parametrize("kept", [0, 1, ENTRIES - 1])
    async def test_a_tail_that_is_cut_off_is_missed(self, documents: DocumentStore, log: AuditLog, kept: int) -> None:
        await remove(documents, *(entry_id(seq) for seq in range(kept + 1, ENTRIES + 1)))
        assert await log.verify() == broken_at(kept + 1)

        seal = (await read(documents, entry_id(kept)))["seal"] if kept else "0" * 64
        await write(documents, {**await read(documents, HEAD), "seq": kept, "last": seal})
        assert await log.verify() == broken_at(kept + 1)

    async def test_a_cut_does_not_heal_when_the_log_goes_on(self, documents: DocumentStore, log: AuditLog) -> None:
        await remove(documents, *(entry_id(seq) for seq in range(4, ENTRIES + 1)))
        seal = (await read(documents, entry_id(3)))["seal"]
        await write(documents, {**await read(documents, HEAD), "seq": 3, "last": seal})
        await append(documents, log, 4)
        await append(documents, log, 5)

        assert await log.verify() == broken_at(4)

    async def test_without_its_head_the_log_is_not_known_to_be_whole(
        self, documents: DocumentStore, log: AuditLog
    ) -> None:
        await remove(documents, HEAD)

        assert await log.verify() == broken_at(1)

    async def test_a_head_that_was_put_back_shows(self, documents: DocumentStore, log: AuditLog) -> None:
        old = await read(documents, HEAD)
        await append(documents, log, 7)
        await write(documents, old)

        assert await log.verify() == broken_at(ENTRIES + 1)

    async def test_an_entry_of_another_past_cannot_take_the_place_of_the_last(
        self, documents: DocumentStore, log: AuditLog
    ) -> None:
        head = await read(documents, HEAD)
        await append(documents, log, 7)
        elsewhere = await read(documents, entry_id(7))
        await remove(documents, entry_id(7))
        await write(documents, head)
        await append(documents, log, 9)
        await write(documents, elsewhere)

        assert await log.verify() == broken_at(7)

    async def test_entries_written_during_the_walk_are_no_tampering(self) -> None:
        documents = Interrupted()
        log = await filled(documents)
        numbers = cycle((3, 7))
        documents.interruption = lambda: append(documents, log, next(numbers))

        for _ in range(3):
            assert (await log.verify()).ok

    async def test_a_head_that_is_altered_during_the_walk_shows(self) -> None:
        documents = Interrupted()
        log = await filled(documents)
        head = await read(documents, HEAD)
        documents.interruption = lambda: write(documents, {**head, "seq": 3})

        assert await log.verify() == broken_at(ENTRIES + 1)


def differs(address: str) -> Verification:
    return Verification(False, ENTRIES, first_difference=address)


class TestResources:
    async def test_a_resource_that_was_changed_past_the_log_shows(
        self, documents: DocumentStore, log: AuditLog
    ) -> None:
        await write(documents, team_document("t1", {"id": "t1", "name": "Mine"}))

        assert await log.verify() == differs("teams/t1")

    @pytest.mark.parametrize("field", ["scope", "team"])
    async def test_a_resource_that_is_found_in_another_place_than_its_own_shows(
        self, documents: DocumentStore, log: AuditLog, field: str
    ) -> None:
        await write(documents, {**await read(documents, "teams|t0"), field: "elsewhere"})

        assert await log.verify() == differs("teams/t0")

    @pytest.mark.parametrize("id", ["teams|t2", "teams/t1"])
    async def test_a_resource_that_was_added_past_the_log_shows(
        self, documents: DocumentStore, log: AuditLog, id: str
    ) -> None:
        await write(documents, {**team_document("t2", {"id": "t2"}), "id": id})

        assert await log.verify() == differs(id.replace("|", "/"))

    async def test_a_resource_that_is_gone_without_an_entry_is_missed(
        self, documents: DocumentStore, log: AuditLog
    ) -> None:
        await remove(documents, "teams|t1")

        assert await log.verify() == differs("teams/t1")

    async def test_resources_without_any_log_are_not_sound(self, documents: DocumentStore, log: AuditLog) -> None:
        await remove(documents, HEAD, *map(entry_id, range(1, ENTRIES + 1)))

        assert await log.verify() == Verification(False, 0, first_difference="teams/t0")


async def test_a_team_is_told_of_its_own_entries(log: AuditLog) -> None:
    entries, cursor = await log.page(2, team="t0")

    assert [(entry.seq, entry.team) for entry in entries] == [(6, "t0"), (4, "t0")]
    assert [entry.seq for entry in (await log.page(2, cursor, team="t0"))[0]] == [2]


class Interrupted(MemoryDocuments):
    """Something happens just before and just after each query."""

    interruption: Callable[[], Awaitable[None]] | None = None

    async def query(self, *args: Any, **options: Any) -> Page:
        if self.interruption:
            await self.interruption()
        page = await super().query(*args, **options)
        if self.interruption:
            await self.interruption()
        return page


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of everything in a document, the containers included."""
    inner: Sequence[tuple[str | int, object]] = ()
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def altered(body: Body, path: tuple[str | int, ...], value: object) -> Body:
    copy = deepcopy(body)
    spot: Any = copy
    for key in path[:-1]:
        spot = spot[key]
    spot[path[-1]] = value
    return copy


@cache
def sample() -> list[Body]:
    """Return all documents of a log."""

    async def make() -> list[Body]:
        documents = MemoryDocuments()
        await filled(documents)
        return [await read(documents, id) for id in (*map(entry_id, range(1, ENTRIES + 1)), HEAD, *TEAMS)]

    return asyncio.run(make())


def forgeable() -> list[Body]:
    """What has a seal."""
    return sample()[: -len(TEAMS)]


VALUES: st.SearchStrategy[object] = (
    st.none() | st.booleans() | st.integers(-5, 10) | st.text(max_size=5) | st.just({}) | st.just([])
)


@settings(max_examples=150)
@given(st.data())
def test_no_single_field_can_be_altered_unnoticed(data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(forgeable()))
    path = data.draw(st.sampled_from([path for path in places(body) if path and path != ("id",)]))
    forged = altered(body, path, data.draw(VALUES))

    async def run() -> Verification:
        documents = MemoryDocuments()
        await write(documents, *(forged if original is body else original for original in sample()))
        return await AuditLog(documents, b"pepper").verify()

    untouched = repr(forged) == repr(body)
    assert asyncio.run(run()).ok is untouched
