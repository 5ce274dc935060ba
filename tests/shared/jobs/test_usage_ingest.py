import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.documents import StoreUnavailable
from shared.jobs import usage_ingest
from shared.jobs.usage_ingest import EventInvalid
from shared.keys.use import CONTAINER, KeyUseStore, LastUse
from shared.migrations.steps import usage_event_to_2
from shared.usage.model import EVENTS
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.watched_documents import Watched, port

MORNING = "2026-11-21T05:00:00.000+00:00"


def message(identity: str, team: str = "demo", started_at: str = MORNING, **more: object) -> bytes:
    return orjson.dumps({"schema": 2, "id": identity, "team": team, "started_at": started_at, **more})


def used(identity: str, key: object, started_at: str = MORNING, kind: str = "virtual_key") -> bytes:
    return message(identity, started_at=started_at, key=key, principal_kind=kind)


async def ingest(bodies: list[bytes], documents: MemoryDocuments) -> int:
    return await usage_ingest.ingest(bodies, documents, LastUse(KeyUseStore(documents), FakeClock()))


async def stored(documents: MemoryDocuments, partition: str) -> list[str]:
    page = await documents.query(EVENTS, partition, order_by="id")
    return [str(document.body["id"]) for document in page.documents]


async def test_events_are_kept_by_team_and_month() -> None:
    documents = MemoryDocuments()

    new = await ingest(
        [message("a"), message("b", "other"), message("c", started_at="2026-12-01T00:00:00+00:00")], documents
    )

    assert new == 3
    assert await stored(documents, "demo|2026-11") == ["a"]
    assert await stored(documents, "other|2026-11") == ["b"]
    assert await stored(documents, "demo|2026-12") == ["c"]


@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=8), max_size=6))
async def test_however_often_and_in_whatever_order_messages_come_each_event_is_there_once(
    deliveries: list[list[str]],
) -> None:
    documents = MemoryDocuments()

    new = sum([await ingest([message(identity) for identity in batch], documents) for batch in deliveries])

    expected = sorted({identity for batch in deliveries for identity in batch})
    assert await stored(documents, "demo|2026-11") == expected
    assert new == len(expected)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"id":"a"}', b'{"id":"","team":"t","started_at":"x","schema":1}']
)
async def test_what_is_no_event_is_refused_before_anything_is_stored(body: bytes) -> None:
    documents = MemoryDocuments()

    with pytest.raises(EventInvalid):
        await ingest([message("a"), body], documents)

    assert await stored(documents, "demo|2026-11") == []


async def test_an_event_of_an_earlier_version_is_stored_at_the_newest_schema() -> None:
    documents = MemoryDocuments()
    old = {"schema": 1, "id": "a", "team": "demo", "started_at": MORNING, "key": "vk_a"}

    await ingest([orjson.dumps(old)], documents)

    document = await documents.get(EVENTS, "demo|2026-11", "a")
    assert document is not None
    assert document.body == usage_event_to_2(old)


async def test_the_last_use_of_each_key_is_noted() -> None:
    documents = MemoryDocuments()

    await ingest([used("a", "vk_a", "2026-11-21T06:00:00+00:00"), used("b", "vk_a"), used("c", "vk_b")], documents)

    last_uses = [await KeyUseStore(documents).last_used(key) for key in ("vk_a", "vk_b")]
    assert [moment.hour for moment in last_uses if moment] == [6, 5]


@pytest.mark.parametrize(
    "body",
    [
        message("a"),
        used("a", ""),
        used("a", None),
        used("a", 7),
        used("a", "oid-of-a-person", kind="entra"),
        used("a", "vk_a", "yesterday"),
        used("a", "vk_a", "2026-11-21"),
    ],
)
async def test_an_event_that_names_no_key_or_no_moment_is_stored_all_the_same(body: bytes) -> None:
    documents = MemoryDocuments()

    assert await ingest([body], documents) == 1
    assert (await documents.changes(CONTAINER)).documents == ()


async def test_a_batch_is_stored_even_where_the_last_use_cannot_be_noted() -> None:
    class NoKeyUse(Watched):
        async def before(self, name: str) -> None:
            if name != "create":
                raise StoreUnavailable

    documents = MemoryDocuments()
    last_use = LastUse(KeyUseStore(port(NoKeyUse(documents))), FakeClock())

    assert await usage_ingest.ingest([used("a", "vk_a")], documents, last_use) == 1
    assert await stored(documents, "demo|2026-11") == ["a"]


async def test_a_store_that_is_down_fails_the_batch() -> None:
    documents = MemoryDocuments()
    documents.is_down = True

    with pytest.raises(StoreUnavailable):
        await ingest([used("a", "vk_a")], documents)
