"""A partition goes by once, whole and in order; events meet their entries."""

from collections.abc import AsyncIterator, Iterable

from hypothesis import given
from hypothesis import strategies as st

from shared.documents import Document
from shared.ledger.model import CONTAINER
from shared.reconciliation.partition import PartitionReader, paired
from tests.fakes import MemoryDocuments

NAMES = st.sets(st.text("ab|_~z", min_size=1, max_size=4), max_size=12)


async def stream(ids: Iterable[str]) -> AsyncIterator[Document]:
    for id in sorted(ids):
        yield Document({"id": id}, "")


@given(events=NAMES, entries=NAMES)
async def test_every_event_and_every_entry_comes_once_together_where_both_are(
    events: set[str], entries: set[str]
) -> None:
    pairs = [pair async for pair in paired(stream(events), stream("led_" + id for id in entries))]

    found = [
        (event and event.body["id"], entry and str(entry.body["id"]).removeprefix("led_")) for event, entry in pairs
    ]
    assert found == [(id if id in events else None, id if id in entries else None) for id in sorted(events | entries)]


async def test_each_document_is_in_one_of_the_parts() -> None:
    documents = MemoryDocuments()
    ids = ["adj_1", "cell|a", "cell|~", "head", "led_1", "led_9", "ptu_1", "req_1", "zzz", "Aaa", "cellar"]
    for id in ids:
        await documents.create(CONTAINER, "p", {"id": id, "kind": "entry"})
    reader = PartitionReader(documents, "p")

    parts = [reader.cells(), reader.usage_entries(), reader.others()]
    found = [str(document.body["id"]) for part in parts for document in [item async for item in part]]

    assert sorted(found) == sorted(ids)
