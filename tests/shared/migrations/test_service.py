from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.documents import DocumentStore, Json, StoreUnavailable
from shared.migrations import service
from shared.migrations.model import CONTAINER, Migration, Progress
from shared.migrations.service import LEASE_S, MigrationService
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.watched_documents import Dying, Meddled, Slow, Watched, port

C = "things"


def doubled(body: Json) -> Json | None:
    """Not idempotent but for the schema: whoever does it twice has another result."""
    if body["schema"] != 1:
        return None
    return {**body, "schema": 2, "n": int(str(body["n"])) * 2}


def renamed(body: Json) -> Json | None:
    if body["schema"] != 2:
        return None
    return {"id": body["id"], "home": body["home"], "schema": 3, "count": body["n"]}


def home(body: Json) -> str:
    return str(body["home"])


DOUBLE = Migration(1, "double", C, doubled, home)
RENAME = Migration(2, "rename", C, renamed, home)
MIGRATIONS = (DOUBLE, RENAME)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PAGE", 3)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def filled(clock: FakeClock, count: int = 7) -> MemoryDocuments:
    documents = MemoryDocuments(clock)
    for n in range(count):
        await documents.create(C, f"home-{n % 2}", old(n))
    return documents


def old(n: int) -> Json:
    return {"schema": 1, "id": str(n), "home": f"home-{n % 2}", "n": n}


def new(n: int, count: int) -> Json:
    return {"id": str(n), "home": f"home-{n % 2}", "schema": 3, "count": count}


async def everything(documents: DocumentStore) -> dict[str, Json]:
    found = [page.documents for page in [await documents.query(C, f"home-{n}") for n in (0, 1)]]
    return {str(document.body["id"]): document.body for documents_ in found for document in documents_}


def expected(count: int = 7) -> dict[str, Json]:
    return {str(n): new(n, 2 * n) for n in range(count)}


async def test_every_document_is_upgraded_once_by_each_migration_in_order(clock: FakeClock) -> None:
    documents = await filled(clock)

    progress = await MigrationService(documents, clock, MIGRATIONS).run(60)

    assert await everything(documents) == expected()
    assert (progress.upgraded, progress.unfinished) == (14, ())
    assert await MigrationService(documents, clock, MIGRATIONS).pending() == []


async def test_migrations_are_pending_until_they_are_done(clock: FakeClock) -> None:
    documents = await filled(clock)
    await MigrationService(documents, clock, MIGRATIONS[:1]).run(60)

    assert await MigrationService(documents, clock, MIGRATIONS).pending() == [RENAME]


async def test_with_nothing_pending_a_run_is_one_read(clock: FakeClock) -> None:
    documents = Watched(await filled(clock))
    migrations = MigrationService(port(documents), clock, MIGRATIONS)
    await migrations.run(60)
    documents.calls.clear()

    assert (await migrations.run(60)).looked_at == 0
    assert documents.calls == ["get"]


async def test_an_empty_container_is_done_at_once(clock: FakeClock) -> None:
    progress = await MigrationService(MemoryDocuments(clock), clock, MIGRATIONS).run(0)

    assert progress.unfinished == ("rename",)


async def test_a_run_stops_when_its_time_is_up_and_the_next_one_goes_on(clock: FakeClock) -> None:
    documents = await filled(clock)
    slow = Slow(documents, clock)
    runs: list[Progress] = []
    while not runs or runs[-1].unfinished:
        runs.append(await MigrationService(port(slow), clock, MIGRATIONS).run(5))

    assert await everything(documents) == expected()
    assert len(runs) > 3
    assert sum(run.upgraded for run in runs) == 14
    assert all(run.looked_at <= 6 for run in runs)


@pytest.mark.parametrize("at", range(1, 9))
async def test_a_document_that_somebody_changes_meanwhile_keeps_the_change(clock: FakeClock, at: int) -> None:
    documents = await filled(clock, 1)
    meddled = Meddled(documents, at, lambda: documents.upsert(C, "home-0", {**old(0), "n": 100}))

    await MigrationService(port(meddled), clock, (DOUBLE,)).run(60)

    assert (await everything(documents))["0"] == {**old(0), "schema": 2, "n": 200}


@pytest.mark.parametrize("at", range(1, 12))
async def test_a_document_that_is_deleted_meanwhile_stays_away(clock: FakeClock, at: int) -> None:
    documents = await filled(clock, 2)
    meddled = Meddled(documents, at, lambda: documents.delete(C, "home-0", "0"))

    await MigrationService(port(meddled), clock, MIGRATIONS).run(60)

    assert await everything(documents) == {"1": new(1, 2)}


@pytest.mark.parametrize("carries_out", [False, True])
async def test_killed_at_any_call_it_goes_on_with_the_same_result(carries_out: bool) -> None:
    at, was_killed = 0, True
    while was_killed:
        at += 1
        clock = FakeClock()
        documents = await filled(clock)
        was_killed = await killed(documents, clock, at, carries_out)
        clock.advance(LEASE_S)
        progress = await MigrationService(documents, clock, MIGRATIONS).run(60)

        assert progress.unfinished == (), at
        assert await everything(documents) == expected(), at
    assert at > 30


async def killed(documents: MemoryDocuments, clock: FakeClock, at: int, carries_out: bool) -> bool:
    dying = Dying(documents, at, carries_out=carries_out)
    try:
        await MigrationService(port(dying), clock, MIGRATIONS).run(60)
    except StoreUnavailable:
        return True
    return False


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 25), st.booleans()), max_size=8), st.integers(0, 9))
async def test_killed_again_and_again_it_ends_with_the_same_result(crashes: list[tuple[int, bool]], count: int) -> None:
    clock = FakeClock()
    documents = await filled(clock, count)
    for at, carries_out in crashes:
        await killed(documents, clock, at, carries_out)
        clock.advance(LEASE_S)
    await MigrationService(documents, clock, MIGRATIONS).run(60)

    assert await everything(documents) == expected(count)


async def test_while_one_instance_works_another_leaves_it_alone(clock: FakeClock) -> None:
    documents = await filled(clock)
    seen = []

    async def try_too() -> None:
        seen.append(await MigrationService(documents, clock, MIGRATIONS).run(60))

    await MigrationService(port(Meddled(documents, 6, try_too)), clock, MIGRATIONS).run(60)

    assert [(other.looked_at, other.unfinished) for other in seen] == [(0, ("double", "rename"))]
    assert await everything(documents) == expected()


async def test_the_work_of_an_instance_that_died_is_taken_over_when_its_time_is_over(clock: FakeClock) -> None:
    documents = await filled(clock)
    await killed(documents, clock, 6, carries_out=False)
    clock.advance(LEASE_S - 0.1)
    early = await MigrationService(documents, clock, MIGRATIONS).run(60)
    clock.advance(0.1)
    late = await MigrationService(documents, clock, MIGRATIONS).run(60)

    assert (early.looked_at, early.unfinished) == (0, ("double", "rename"))
    assert late.unfinished == ()


@pytest.mark.parametrize("at", range(1, 40))
async def test_an_instance_that_was_taken_for_dead_does_no_harm(clock: FakeClock, at: int) -> None:
    documents = await filled(clock)

    async def take_over() -> None:
        clock.advance(LEASE_S)
        await MigrationService(documents, clock, MIGRATIONS).run(60)

    await MigrationService(port(Meddled(documents, at, take_over)), clock, MIGRATIONS).run(10**6)
    await MigrationService(documents, clock, MIGRATIONS).run(60)

    assert await everything(documents) == expected()
    assert await MigrationService(documents, clock, MIGRATIONS).pending() == []


async def test_after_a_run_the_next_instance_need_not_wait(clock: FakeClock) -> None:
    documents = await filled(clock)
    await MigrationService(documents, clock, MIGRATIONS).run(0)

    assert (await MigrationService(documents, clock, MIGRATIONS).run(60)).unfinished == ()


async def test_what_is_written_meanwhile_at_the_new_schema_is_left_alone(clock: FakeClock) -> None:
    documents = await filled(clock)
    written = {"schema": 2, "id": "new", "home": "home-0", "n": 5}
    meddled = Meddled(documents, 9, lambda: documents.create(C, "home-0", written))

    await MigrationService(port(meddled), clock, (DOUBLE,)).run(60)

    assert (await everything(documents))["new"] == written


async def test_a_migration_that_comes_in_front_of_another_begins_at_the_beginning(clock: FakeClock) -> None:
    documents = await filled(clock)
    marked = Migration(3, "mark", C, lambda body: None if "mark" in body else {**body, "mark": True}, home)
    await MigrationService(documents, clock, (marked,)).run(0)
    await MigrationService(documents, clock, (*MIGRATIONS, marked)).run(60)

    found = await everything(documents)
    assert {body["schema"] for body in found.values()} == {3}
    assert all(body.get("mark") for body in found.values())


async def test_a_store_that_is_down_is_told_and_nothing_is_lost(clock: FakeClock) -> None:
    documents = await filled(clock)
    documents.is_down = True
    with pytest.raises(StoreUnavailable):
        await MigrationService(documents, clock, MIGRATIONS).run(60)
    documents.is_down = False
    await MigrationService(documents, clock, MIGRATIONS).run(60)

    assert await everything(documents) == expected()


async def test_the_state_is_one_small_document(clock: FakeClock) -> None:
    documents = await filled(clock)
    await MigrationService(documents, clock, MIGRATIONS).run(60)
    state: Any = await documents.get(CONTAINER, "state", "state")

    assert state.body["finished"] == [1, 2]
    assert (state.body["cursor"], state.body["holder"], state.body["held_until"]) == (None, None, None)
