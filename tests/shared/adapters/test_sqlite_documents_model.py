"""Whatever is done in whatever order, the store on disk and the one in memory agree."""

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shared.adapters.sqlite_documents import SqliteDocuments
from shared.documents import (
    Condition,
    Create,
    Delete,
    Document,
    DocumentExists,
    DocumentMissing,
    DocumentStore,
    Page,
    PreconditionFailed,
    Replace,
    Upsert,
)
from tests.fakes import FakeClock, MemoryDocuments

REFUSALS = (DocumentExists, DocumentMissing, PreconditionFailed)

ids = st.sampled_from("abcd")
partitions = st.sampled_from(["p", "q"])
lives = st.none() | st.integers(1, 100)
numbers = st.integers(-5, 5)
documents = st.fixed_dictionaries(
    {"id": ids}, optional={"n": numbers, "word": st.sampled_from(["", "x", "Y", "é", "😀"])}
)
conditions = st.builds(Condition, st.just("n"), st.sampled_from(["=", "<", "<=", ">", ">="]), numbers)


class Agreement(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.model = MemoryDocuments(self.clock)
        self.store = self.opened()

    def opened(self) -> SqliteDocuments:
        return SqliteDocuments(Path(self.folder.name) / "documents.db", self.clock)

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    def both(self, method: str, *arguments: Any, **options: Any) -> None:
        mine, theirs = (
            self.runner.run(_outcome(getattr(store, method)(*arguments, **options)))
            for store in (self.store, self.model)
        )
        assert _plain(mine) == _plain(theirs)

    def etag(self, partition: str, id: str, fresh: bool) -> dict[DocumentStore, str]:
        """Each store's own etag of the document, or one that never was."""
        etags: dict[DocumentStore, str] = {}
        for store in (self.store, self.model):
            document = self.runner.run(store.get("c", partition, id))
            etags[store] = document.etag if document and fresh else "none"
        return etags

    @rule(partition=partitions, document=documents, ttl_s=lives)
    def create(self, partition: str, document: dict[str, Any], ttl_s: int | None) -> None:
        self.both("create", "c", partition, document, ttl_s)

    @rule(partition=partitions, document=documents, ttl_s=lives)
    def upsert(self, partition: str, document: dict[str, Any], ttl_s: int | None) -> None:
        self.both("upsert", "c", partition, document, ttl_s)

    @rule(partition=partitions, document=documents, fresh=st.booleans())
    def replace(self, partition: str, document: dict[str, Any], fresh: bool) -> None:
        etags = self.etag(partition, document["id"], fresh)
        mine, theirs = (
            self.runner.run(_outcome(store.replace("c", partition, document, etag))) for store, etag in etags.items()
        )
        assert _plain(mine) == _plain(theirs)

    @rule(partition=partitions, id=ids)
    def delete(self, partition: str, id: str) -> None:
        self.both("delete", "c", partition, id)

    @rule(partition=partitions, by=numbers, ceiling=st.none() | numbers)
    def increment(self, partition: str, by: int, ceiling: int | None) -> None:
        """Of lasting documents: the model does not prolong a life as an increment does."""
        self.both("create", "c", partition, {"id": "lasting"})
        self.both("increment", "c", partition, "lasting", "n", by, ceiling)

    @rule(partition=partitions, made=documents, put=documents, gone=ids, stale=st.booleans())
    def batch(self, partition: str, made: dict[str, Any], put: dict[str, Any], gone: str, stale: bool) -> None:
        operations = [Upsert(put), Delete(gone), Create(made)]
        self.both("batch", "c", partition, [*operations, Replace(put, "none")] if stale else operations)

    @rule(
        partition=partitions,
        where=st.lists(conditions, max_size=2),
        order_by=st.sampled_from([None, "n", "word", "absent"]),
        descending=st.booleans(),
        limit=st.integers(1, 5),
    )
    def query(self, partition: str, where: list[Condition], order_by: str | None, descending: bool, limit: int) -> None:
        cursors: list[str | None] = [None, None]
        while True:
            mine, theirs = (
                self.runner.run(store.query("c", partition, where, order_by, descending, limit, cursor))
                for store, cursor in zip((self.store, self.model), cursors, strict=True)
            )
            assert _plain(mine) == _plain(theirs)
            cursors = [mine.cursor, theirs.cursor]
            if mine.cursor is None:
                break

    @rule(seconds=st.sampled_from([1, 30, 100]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule()
    def restart(self) -> None:
        self.runner.run(self.store.close())
        self.store = self.opened()

    @invariant()
    def all_documents_agree(self) -> None:
        self.both("changes", "c")


async def _outcome[T](call: Coroutine[Any, Any, T]) -> T | type[Exception]:
    try:
        return await call
    except REFUSALS as refusal:
        return type(refusal)


def _plain(outcome: Any) -> Any:
    """Forget what may differ: etags, and cursors but for whether there is one."""
    match outcome:
        case Document(body, _):
            return body
        case Page(documents, cursor):
            return [_plain(document) for document in documents], cursor is None
        case tuple():
            return [_plain(item) for item in outcome]
    return outcome


TestAgreement = Agreement.TestCase
TestAgreement.settings = settings(max_examples=40, stateful_step_count=25)
