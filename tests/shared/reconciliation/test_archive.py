"""Nothing is deleted that is not in a file that was read back, wherever it is killed."""

import gzip
from collections.abc import AsyncIterator

import orjson
import pytest

from shared.documents import Document, DocumentStore, StoreUnavailable
from shared.finance.ports import ReportExists
from shared.ledger.model import CONTAINER
from shared.reconciliation import archive as module
from shared.reconciliation.archive import Archive, ArchiveDamaged, Source, events_name
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.reconciliation.files import MemoryFiles
from tests.shared.watched_documents import Dying, Meddled, port


def source(documents: DocumentStore, *, keeps: bool = False) -> Source:
    async def read(after: str | None) -> AsyncIterator[Document]:
        for document in (await documents.query(CONTAINER, "p", limit=1000)).documents:
            if after is None or str(document.body["id"]) > after:
                yield document

    return Source(events_name("search", "2026-01"), "archive/events/2026-01/search", CONTAINER, "p", read, keeps)


def archive(documents: DocumentStore, files: MemoryFiles) -> Archive:
    return Archive(documents, files, FakeClock(), ReportExists)


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)


@pytest.fixture
def documents() -> MemoryDocuments:
    return MemoryDocuments()


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles()


async def fill(documents: DocumentStore, *numbers: int) -> None:
    for number in numbers:
        await documents.upsert(CONTAINER, "p", {"id": f"req_{number}", "of": number})


async def left(documents: DocumentStore) -> list[str]:
    return [str(document.body["id"]) for document in (await documents.query(CONTAINER, "p", limit=1000)).documents]


def archived(files: MemoryFiles) -> list[str]:
    lines = [
        line
        for path in files.content
        if path.endswith(".gz")
        for line in gzip.decompress(files.content[path]).splitlines()
    ]
    return [orjson.loads(line)["id"] for line in lines]


async def test_documents_move_into_files(documents: MemoryDocuments, files: MemoryFiles) -> None:
    await fill(documents, *range(7))
    keeper = archive(documents, files)

    record = await keeper.run(source(documents))

    assert await left(documents) == []
    assert archived(files) == [f"req_{number}" for number in range(7)]
    assert [part.count for part in record.parts] == [3, 3, 1]
    assert await keeper.archived("search", "2026-01") == 7
    path = await keeper.write_manifest(source(documents), record)
    assert orjson.loads(files.content[path])["documents"] == 7
    assert await keeper.write_manifest(source(documents), record) == path


@pytest.mark.parametrize("carries_out", [False, True])
async def test_killed_anywhere_nothing_is_lost_and_nothing_is_twice(carries_out: bool) -> None:
    for at in range(1, 60):
        documents, files = MemoryDocuments(), MemoryFiles()
        await fill(documents, *range(7))
        dying = port(Dying(documents, at, carries_out=carries_out))
        try:
            await archive(dying, files).run(source(dying))
        except StoreUnavailable:
            there = set(await left(documents))
            assert there | set(archived(files)) == {f"req_{number}" for number in range(7)}
            await archive(documents, files).run(source(documents))
        else:
            return
        assert await left(documents) == []
        assert sorted(archived(files)) == [f"req_{number}" for number in range(7)]
    pytest.fail("archiving takes more calls than were tried")


@pytest.mark.parametrize("at", range(4))
async def test_a_storage_that_fails_loses_nothing(documents: MemoryDocuments, at: int) -> None:
    files = MemoryFiles(fails_at=at)
    await fill(documents, *range(4))
    with pytest.raises(OSError, match="storage"):
        await archive(documents, files).run(source(documents))
    files.fails_at = None

    record = await archive(documents, files).run(source(documents))

    assert record.count == 4
    assert sorted(archived(files)) == [f"req_{number}" for number in range(4)]


@pytest.mark.parametrize("spoilt", [b"", b"not gzip", gzip.compress(b'{"id": "req_9"}\n'), None])
async def test_of_a_file_that_is_not_as_it_was_nothing_is_deleted(
    documents: MemoryDocuments, files: MemoryFiles, spoilt: bytes | None
) -> None:
    await fill(documents, 1, 2)
    # Killed before the deletion, its fourth call.
    dying = port(Dying(documents, 4, carries_out=False))
    with pytest.raises(StoreUnavailable):
        await archive(dying, files).run(source(dying))
    (path,) = files.content
    if spoilt is None:
        del files.content[path]
    else:
        files.content[path] = spoilt

    with pytest.raises(ArchiveDamaged):
        await archive(documents, files).run(source(documents))
    assert await left(documents) == ["req_1", "req_2"]


async def test_a_file_that_is_not_what_was_written_is_noticed_at_once(documents: MemoryDocuments) -> None:
    files = MemoryFiles(garbles=True)
    await fill(documents, 1)
    with pytest.raises(ArchiveDamaged):
        await archive(documents, files).run(source(documents))
    assert await left(documents) == ["req_1"]


async def test_what_comes_later_goes_into_another_file(documents: MemoryDocuments, files: MemoryFiles) -> None:
    await fill(documents, 1)
    await archive(documents, files).run(source(documents))
    await fill(documents, 0)

    record = await archive(documents, files).run(source(documents))

    assert [part.first for part in record.parts] == ["req_1", "req_0"]
    assert await left(documents) == []


async def test_what_is_only_copied_stays_and_is_copied_once(documents: MemoryDocuments, files: MemoryFiles) -> None:
    await fill(documents, *range(4))
    await archive(documents, files).run(source(documents, keeps=True))
    await fill(documents, 5)

    record = await archive(documents, files).run(source(documents, keeps=True))

    assert len(await left(documents)) == 5
    assert archived(files) == [f"req_{number}" for number in (0, 1, 2, 3, 5)]
    assert record.mark == "req_5"


async def test_of_two_instances_one_goes_on(documents: MemoryDocuments, files: MemoryFiles) -> None:
    await fill(documents, *range(4))

    async def other() -> None:
        await archive(documents, files).run(source(documents))

    for at in range(1, 5):
        meddled = port(Meddled(documents, at, other))
        try:
            await archive(meddled, files).run(source(documents))
        except module.ArchiveChanged:
            break
    assert await left(documents) == []
    assert sorted(archived(files)) == [f"req_{number}" for number in range(4)]


async def test_when_time_is_up_the_rest_stays(documents: MemoryDocuments, files: MemoryFiles) -> None:
    await fill(documents, 1)
    await archive(documents, files).run(source(documents), deadline=0.0)
    assert await left(documents) == ["req_1"]
