import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.usage_ingest import EventInvalid, ingest
from shared.usage.model import EVENTS
from tests.fakes import MemoryDocuments


def message(identity: str, team: str = "demo", started_at: str = "2026-11-21T05:00:00.000+00:00") -> bytes:
    return orjson.dumps({"schema": 1, "id": identity, "team": team, "started_at": started_at})


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
