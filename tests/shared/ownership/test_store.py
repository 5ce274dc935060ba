"""Every object is kept twice: to find its owner, and to list what a team has."""

import pytest

from shared.documents import StoreUnavailable
from shared.ownership.model import OwnedObject
from shared.ownership.store import OwnershipStore
from shared.wire.openai.endpoints import Kind
from tests.fakes import MemoryDocuments


@pytest.fixture
def documents() -> MemoryDocuments:
    return MemoryDocuments()


@pytest.fixture
def store(documents: MemoryDocuments) -> OwnershipStore:
    return OwnershipStore(documents)


def owned(number: int, team: str = "research", kind: Kind = Kind.FILE) -> OwnedObject:
    return OwnedObject(f"{kind.value}-{team}-{number}", kind, team, "east", f"t_{number:03}")


async def listed(store: OwnershipStore, edge: str | None = None, descending: bool = True, limit: int = 10) -> list[str]:
    found = await store.of_team("research", Kind.FILE, edge, descending=descending, limit=limit, label=None)
    return [item.created for item in found]


async def test_what_is_added_is_found_and_what_is_removed_is_not(store: OwnershipStore) -> None:
    await store.add(owned(1))
    assert await store.find(owned(1).id) == owned(1)
    assert await listed(store) == ["t_001"]

    await store.remove(owned(1))
    assert await store.find(owned(1).id) is None
    assert await listed(store) == []


async def test_a_list_holds_one_teams_objects_of_one_kind(store: OwnershipStore) -> None:
    await store.add(owned(1))
    await store.add(owned(2, team="other"))
    await store.add(owned(3, kind=Kind.BATCH))

    assert await listed(store) == ["t_001"]


async def test_a_list_is_paged_in_both_directions(store: OwnershipStore) -> None:
    for number in (3, 1, 4, 2):
        await store.add(owned(number))

    assert await listed(store) == ["t_004", "t_003", "t_002", "t_001"]
    assert await listed(store, limit=2) == ["t_004", "t_003"]
    assert await listed(store, "t_003") == ["t_002", "t_001"]
    assert await listed(store, "t_001", descending=False, limit=2) == ["t_002", "t_003"]


async def test_an_object_that_has_an_owner_stays_his(store: OwnershipStore) -> None:
    first = await store.add(owned(1))
    second = await store.add(OwnedObject(first.id, Kind.FILE, "other", "west", "t_002"))

    assert second == first
    assert await store.of_team("other", Kind.FILE, None, descending=True, limit=10, label=None) == []


async def test_an_object_is_never_listed_before_its_owner_can_be_found(
    store: OwnershipStore, documents: MemoryDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(documents, "upsert", fails)
    with pytest.raises(StoreUnavailable):
        await store.add(owned(1))

    assert await store.find(owned(1).id) == owned(1)
    assert await listed(store) == []
