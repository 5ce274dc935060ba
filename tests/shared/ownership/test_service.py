"""An object is there for its owner; for anybody else, and while nothing is known, it is not."""

import pytest

from shared.documents import StoreUnavailable
from shared.ownership import service as module
from shared.ownership.service import ObjectNotFound, OwnershipService, OwnershipUnknown
from shared.ownership.store import OwnershipStore
from shared.wire.openai.endpoints import Kind
from shared.wire.openai.errors import error_body
from tests.fakes import FakeClock, MemoryDocuments


@pytest.fixture
def documents() -> MemoryDocuments:
    return MemoryDocuments()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ownership(documents: MemoryDocuments, clock: FakeClock) -> OwnershipService:
    return OwnershipService(OwnershipStore(documents), clock)


@pytest.fixture
def elsewhere(documents: MemoryDocuments, clock: FakeClock) -> OwnershipService:
    """Another instance of the gateway on the same store."""
    return OwnershipService(OwnershipStore(documents), clock)


async def page(ownership: OwnershipService, team: str = "research") -> list[str]:
    found = await ownership.page(team, Kind.FILE, None, descending=True, limit=10)
    return [owned.id for owned in found]


async def test_the_owner_finds_his_object_from_every_instance(
    ownership: OwnershipService, elsewhere: OwnershipService
) -> None:
    await ownership.register(ownership.new("file-1", Kind.FILE, "research", "east"))

    for instance in (ownership, elsewhere):
        owned = await instance.locate("file-1", "research", "id")
        assert (owned.id, owned.kind, owned.team, owned.deployment) == ("file-1", Kind.FILE, "research", "east")


async def test_another_teams_object_and_no_object_look_alike(
    ownership: OwnershipService, elsewhere: OwnershipService
) -> None:
    await ownership.register(ownership.new("file-1", Kind.FILE, "research", "east"))
    answers = set()

    for instance in (ownership, elsewhere):
        for team, object_id in (("other", "file-1"), ("research", "file-9"), ("", "file-1")):
            with pytest.raises(ObjectNotFound) as refused:
                await instance.locate(object_id, team, "file_id")
            assert refused.value.status == 404
            answers.add(error_body(refused.value).replace(object_id.encode(), b"ID"))

    assert len(answers) == 1


async def test_a_previous_response_has_the_code_that_the_sdks_know(ownership: OwnershipService) -> None:
    with pytest.raises(ObjectNotFound) as refused:
        await ownership.locate("resp_1" * 100, "research", "previous_response_id")

    assert (refused.value.code, refused.value.param) == ("previous_response_not_found", "previous_response_id")
    assert len(refused.value.message) < 200


async def test_with_the_store_down_an_unknown_owner_is_not_guessed(
    ownership: OwnershipService, elsewhere: OwnershipService, documents: MemoryDocuments
) -> None:
    await elsewhere.register(elsewhere.new("file-1", Kind.FILE, "research", "east"))
    documents.is_down = True

    with pytest.raises(OwnershipUnknown) as refused:
        await ownership.locate("file-1", "research", "id")
    assert refused.value.status == 503
    assert "retry-after" in refused.value.headers
    with pytest.raises(OwnershipUnknown):
        await page(ownership)


async def test_with_the_store_down_known_objects_are_still_their_owners(
    ownership: OwnershipService, documents: MemoryDocuments
) -> None:
    await ownership.register(ownership.new("file-1", Kind.FILE, "research", "east"))
    documents.is_down = True

    assert (await ownership.locate("file-1", "research", "id")).team == "research"
    with pytest.raises(ObjectNotFound):
        await ownership.locate("file-1", "other", "id")


async def test_an_id_that_was_minted_while_the_store_is_down_is_known_here(
    ownership: OwnershipService, documents: MemoryDocuments
) -> None:
    documents.is_down = True
    with pytest.raises(StoreUnavailable):
        await ownership.register(ownership.new("resp_1", Kind.RESPONSE, "research", "east"), is_minted=True)

    assert (await ownership.locate("resp_1", "research", "id")).deployment == "east"
    with pytest.raises(ObjectNotFound):
        await ownership.locate("resp_1", "other", "id")


async def test_a_claim_made_while_the_store_is_down_is_worth_nothing(
    ownership: OwnershipService, elsewhere: OwnershipService, documents: MemoryDocuments
) -> None:
    await elsewhere.register(elsewhere.new("cntr_1", Kind.CONTAINER, "research", "east"))
    documents.is_down = True
    with pytest.raises(StoreUnavailable):
        await ownership.register(ownership.new("cntr_1", Kind.CONTAINER, "other", "east"))
    documents.is_down = False

    with pytest.raises(ObjectNotFound):
        await ownership.locate("cntr_1", "other", "id")


async def test_parts_of_a_response_are_found_but_not_listed(
    ownership: OwnershipService, elsewhere: OwnershipService
) -> None:
    await ownership.register(ownership.new("msg_1", Kind.ITEM, "research", "east"), is_minted=True)

    assert (await elsewhere.locate("msg_1", "research", "id")).kind is Kind.ITEM
    assert await ownership.page("research", Kind.ITEM, None, descending=True, limit=10) == []


async def test_lists_can_be_narrowed_to_a_label(ownership: OwnershipService) -> None:
    for label in ("batch", "assistants", None):
        await ownership.register(ownership.new(f"file-{label}", Kind.FILE, "research", "east", label))

    found = await ownership.page("research", Kind.FILE, None, descending=True, limit=10, label="batch")
    assert [owned.id for owned in found] == ["file-batch"]


async def test_the_first_owner_stays(ownership: OwnershipService, elsewhere: OwnershipService) -> None:
    await ownership.register(ownership.new("file-1", Kind.FILE, "research", "east"))
    await ownership.register(ownership.new("file-1", Kind.FILE, "other", "west"))
    await elsewhere.register(elsewhere.new("file-1", Kind.FILE, "other", "west"))

    for instance in (ownership, elsewhere):
        assert (await instance.locate("file-1", "research", "id")).deployment == "east"
        with pytest.raises(ObjectNotFound):
            await instance.locate("file-1", "other", "id")
    assert await page(ownership, "other") == []


async def test_a_forgotten_object_is_nobodys(ownership: OwnershipService, elsewhere: OwnershipService) -> None:
    await ownership.register(ownership.new("file-1", Kind.FILE, "research", "east"))
    await ownership.forget(await ownership.locate("file-1", "research", "id"))

    for instance in (ownership, elsewhere):
        with pytest.raises(ObjectNotFound):
            await instance.locate("file-1", "research", "id")
    assert await page(ownership) == []


async def test_the_newest_is_listed_first(ownership: OwnershipService, clock: FakeClock) -> None:
    for number in range(3):
        await ownership.register(ownership.new(f"file-{number}", Kind.FILE, "research", "east"))
        clock.advance(1)

    assert await page(ownership) == ["file-2", "file-1", "file-0"]


async def test_memory_is_bounded_and_what_falls_out_is_found_again(
    documents: MemoryDocuments, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CACHED", 2)
    ownership = OwnershipService(OwnershipStore(documents), clock)
    for number in range(3):
        await ownership.register(ownership.new(f"file-{number}", Kind.FILE, "research", "east"))

    assert (await ownership.locate("file-0", "research", "id")).id == "file-0"
    documents.is_down = True
    assert (await ownership.locate("file-0", "research", "id")).id == "file-0"
    with pytest.raises(OwnershipUnknown):
        await ownership.locate("file-1", "research", "id")
