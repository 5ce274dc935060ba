"""The directory on every kind of document store, as one instance has it and as another."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.adapters.sqlite_documents import SqliteDocuments
from shared.documents import DocumentStore
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.directory.desk import Desk


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
async def documents(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[DocumentStore]:
    store = MemoryDocuments(clock) if request.param == "memory" else SqliteDocuments(tmp_path / "state.db", clock)
    yield store
    await store.close()


@pytest.fixture
def desk(documents: DocumentStore, clock: FakeClock) -> Desk:
    return Desk(documents, clock)


@pytest.fixture
def other(documents: DocumentStore, clock: FakeClock) -> Desk:
    """A second instance on the same store."""
    return Desk(documents, clock)
