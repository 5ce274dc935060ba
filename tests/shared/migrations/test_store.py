from datetime import timedelta

import pytest

from shared.migrations.model import CONTAINER, State
from shared.migrations.store import MigrationStore, Overtaken
from tests.fakes import FakeClock, MemoryDocuments


async def test_nothing_saved_is_the_beginning() -> None:
    saved = await MigrationStore(MemoryDocuments()).read()

    assert (saved.state, saved.etag) == (State(), None)


async def test_what_was_saved_is_read_again() -> None:
    documents, now = MemoryDocuments(), FakeClock().now()
    state = State(frozenset({1, 2}), 3, "a cursor", "me", now + timedelta(seconds=1))
    saved = await MigrationStore(documents).save(state, None)

    assert saved.state == state
    assert await MigrationStore(documents).read() == saved


async def test_of_two_who_save_from_the_same_version_the_second_is_overtaken() -> None:
    store = MigrationStore(MemoryDocuments())
    first = await store.save(State(), None)
    with pytest.raises(Overtaken):
        await store.save(State(), None)
    await store.save(State(cursor="one"), first.etag)
    with pytest.raises(Overtaken):
        await store.save(State(cursor="two"), first.etag)

    assert (await store.read()).state.cursor == "one"


async def test_a_state_that_was_deleted_is_not_saved_over() -> None:
    documents = MemoryDocuments()
    saved = await MigrationStore(documents).save(State(), None)
    await documents.delete(CONTAINER, "state", "state")

    with pytest.raises(Overtaken):
        await MigrationStore(documents).save(State(), saved.etag)
