"""What every DocumentStore promises. A test class of an adapter inherits this and offers the fixtures `store` and `clock`."""

import asyncio

import pytest

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
from tests.fakes import FakeClock

C, P = "things", "team-a"


def ids(page: Page) -> list[object]:
    return [document.body["id"] for document in page.documents]


async def every_page(store: DocumentStore, limit: int, **query: object) -> list[object]:
    found: list[object] = []
    cursor = None
    while True:
        page = await store.query(C, P, limit=limit, cursor=cursor, **query)  # type: ignore[arg-type]
        found += ids(page)
        cursor = page.cursor
        if cursor is None:
            return found


class DocumentStoreContract:
    async def test_a_created_document_is_found_again(self, store: DocumentStore) -> None:
        body = {"id": "a", "text": "snow ☃ and \u0000", "nested": {"list": [1, 2.5, None, True]}}
        created = await store.create(C, P, body)

        assert created.body == body
        assert await store.get(C, P, "a") == created

    async def test_documents_of_other_containers_and_partitions_do_not_show(self, store: DocumentStore) -> None:
        await store.create(C, P, {"id": "a"})

        assert await store.get("others", P, "a") is None
        assert await store.get(C, "team-b", "a") is None
        assert ids(await store.query(C, "team-b")) == []
        assert ids(await store.changes("others")) == []

    async def test_creating_twice_is_refused_and_changes_nothing(self, store: DocumentStore) -> None:
        created = await store.create(C, P, {"id": "a", "n": 1})

        with pytest.raises(DocumentExists):
            await store.create(C, P, {"id": "a", "n": 2})
        assert await store.get(C, P, "a") == created

    async def test_an_upsert_replaces_the_whole_document(self, store: DocumentStore) -> None:
        first = await store.upsert(C, P, {"id": "a", "n": 1})
        second = await store.upsert(C, P, {"id": "a", "m": 2})

        assert second.body == {"id": "a", "m": 2}
        assert second.etag != first.etag

    async def test_only_the_version_that_was_read_can_be_replaced(self, store: DocumentStore) -> None:
        first = await store.create(C, P, {"id": "a", "n": 1})
        second = await store.replace(C, P, {"id": "a", "n": 2}, first.etag)

        with pytest.raises(PreconditionFailed):
            await store.replace(C, P, {"id": "a", "n": 3}, first.etag)
        assert await store.get(C, P, "a") == second

    async def test_of_many_who_replace_one_version_exactly_one_succeeds(self, store: DocumentStore) -> None:
        first = await store.create(C, P, {"id": "a"})
        outcomes = await asyncio.gather(
            *(store.replace(C, P, {"id": "a", "n": n}, first.etag) for n in range(20)), return_exceptions=True
        )

        assert sum(isinstance(outcome, Document) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, PreconditionFailed) for outcome in outcomes) == 19

    async def test_what_is_not_there_cannot_be_replaced(self, store: DocumentStore) -> None:
        with pytest.raises(DocumentMissing):
            await store.replace(C, P, {"id": "a"}, "1")

    async def test_a_deletion_says_whether_there_was_a_document(self, store: DocumentStore) -> None:
        await store.create(C, P, {"id": "a"})

        assert await store.delete(C, P, "a") is True
        assert await store.delete(C, P, "a") is False
        assert await store.get(C, P, "a") is None

    async def test_a_deletion_can_be_bound_to_a_version(self, store: DocumentStore) -> None:
        first = await store.create(C, P, {"id": "a"})
        second = await store.upsert(C, P, {"id": "a"})

        with pytest.raises(PreconditionFailed):
            await store.delete(C, P, "a", first.etag)
        assert await store.delete(C, P, "a", second.etag) is True
        assert await store.delete(C, P, "a", second.etag) is False

    async def test_a_document_made_anew_has_an_etag_of_its_own(self, store: DocumentStore) -> None:
        first = await store.create(C, P, {"id": "a"})
        await store.delete(C, P, "a")
        again = await store.create(C, P, {"id": "a"})

        assert again.etag != first.etag

    async def test_concurrent_increments_add_up_and_never_pass_the_ceiling(self, store: DocumentStore) -> None:
        await store.create(C, P, {"id": "a", "other": "stays"})
        outcomes = await asyncio.gather(
            *(store.increment(C, P, "a", "used", 3, ceiling=100) for _ in range(60)), return_exceptions=True
        )

        assert sorted(sum_ for sum_ in outcomes if isinstance(sum_, int)) == list(range(3, 100, 3))
        assert sum(isinstance(outcome, PreconditionFailed) for outcome in outcomes) == 27
        document = await store.get(C, P, "a")
        assert document is not None
        assert document.body == {"id": "a", "other": "stays", "used": 99}

    async def test_an_increment_may_be_negative_and_may_reach_the_ceiling(self, store: DocumentStore) -> None:
        await store.create(C, P, {"id": "a", "n": 10**15})

        assert await store.increment(C, P, "a", "n", -(10**15) - 5, ceiling=0) == -5
        assert await store.increment(C, P, "a", "n", 5, ceiling=0) == 0

    async def test_an_increment_needs_a_document(self, store: DocumentStore) -> None:
        with pytest.raises(DocumentMissing):
            await store.increment(C, P, "a", "n", 1)

    async def test_an_increment_makes_a_new_version(self, store: DocumentStore) -> None:
        first = await store.create(C, P, {"id": "a"})
        await store.increment(C, P, "a", "n", 1)

        with pytest.raises(PreconditionFailed):
            await store.replace(C, P, {"id": "a"}, first.etag)

    async def test_a_batch_applies_all_its_operations(self, store: DocumentStore) -> None:
        old = await store.create(C, P, {"id": "old"})
        await store.create(C, P, {"id": "gone"})
        results = await store.batch(
            C,
            P,
            [Create({"id": "new"}), Upsert({"id": "up"}), Replace({"id": "old", "n": 1}, old.etag), Delete("gone")],
        )

        assert [result and result.body for result in results] == [
            {"id": "new"},
            {"id": "up"},
            {"id": "old", "n": 1},
            None,
        ]
        assert [await store.get(C, P, id) for id in ("new", "up", "old", "gone")] == list(results)

    @pytest.mark.parametrize(
        ("failing", "error"),
        [
            (Create({"id": "taken"}), DocumentExists),
            (Replace({"id": "taken"}, "stale"), PreconditionFailed),
            (Replace({"id": "nobody"}, "1"), DocumentMissing),
            (Delete("taken", "stale"), PreconditionFailed),
            (Delete("nobody"), DocumentMissing),
        ],
    )
    async def test_a_batch_with_a_failing_operation_changes_nothing(
        self, store: DocumentStore, failing: Create | Replace | Delete, error: type[Exception]
    ) -> None:
        taken = await store.create(C, P, {"id": "taken"})

        with pytest.raises(error):
            await store.batch(C, P, [Create({"id": "new"}), Upsert({"id": "taken", "n": 1}), failing])
        assert await store.get(C, P, "new") is None
        assert await store.get(C, P, "taken") == taken

    async def test_a_batch_is_limited_to_a_hundred_operations(self, store: DocumentStore) -> None:
        assert len(await store.batch(C, P, [Upsert({"id": str(n)}) for n in range(100)])) == 100
        with pytest.raises(ValueError, match="100"):
            await store.batch(C, P, [Upsert({"id": str(n)}) for n in range(101)])

    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            ([Condition("n", "=", 2)], ["b"]),
            ([Condition("n", ">", 1), Condition("n", "<=", 3)], ["b", "c"]),
            ([Condition("n", ">=", 2), Condition("word", "<", "cherry")], ["b"]),
            ([Condition("word", "=", "it's; DROP TABLE documents")], ["d"]),
            ([Condition("on", "=", True)], ["a"]),
            ([Condition("n", "=", 1)], ["a"]),
            ([Condition("n", "=", "1")], []),
            ([Condition("nothing", "<", 5)], []),
        ],
    )
    async def test_a_query_returns_what_meets_every_condition(
        self, store: DocumentStore, where: list[Condition], expected: list[str]
    ) -> None:
        await store.create(C, P, {"id": "a", "n": 1, "word": "apple", "on": True})
        await store.create(C, P, {"id": "b", "n": 2, "word": "banana", "on": False})
        await store.create(C, P, {"id": "c", "n": 3, "word": "cherry"})
        await store.create(C, P, {"id": "d", "n": True, "word": "it's; DROP TABLE documents", "on": 1})

        assert ids(await store.query(C, P, where)) == expected

    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            ([Condition("id", ">=", "b|"), Condition("id", "<", "b|~")], ["b|1", "b|2"]),
            ([Condition("id", ">", "b|1")], ["b|2", "c"]),
            ([Condition("id", "<=", "b|1"), Condition("n", "=", 1)], ["a", "b|1"]),
            ([Condition("id", "=", "c")], ["c"]),
            ([Condition("id", "=", 1)], []),
            ([Condition("id", ">=", True)], []),
        ],
    )
    @pytest.mark.parametrize("order_by", [None, "id"])
    @pytest.mark.parametrize("descending", [False, True])
    async def test_documents_are_found_by_a_range_of_ids(
        self, store: DocumentStore, where: list[Condition], expected: list[str], order_by: str | None, descending: bool
    ) -> None:
        for id in ("a", "b|1", "b|2", "c"):
            await store.create(C, P, {"id": id, "n": 1})

        found = await every_page(store, 1, where=where, order_by=order_by, descending=descending)
        assert found == (expected[::-1] if descending else expected)

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("limit", [1, 2, 3, 100])
    async def test_the_pages_of_a_query_are_ordered_and_complete(
        self, store: DocumentStore, descending: bool, limit: int
    ) -> None:
        for id, n in {"a": 3, "b": 1, "c": 3, "d": 2, "e": 1}.items():
            await store.create(C, P, {"id": id, "n": n})
        await store.create(C, P, {"id": "f"})
        in_order = ["f", "b", "e", "d", "a", "c"]

        found = await every_page(store, limit, order_by="n", descending=descending)
        assert found == (in_order[::-1] if descending else in_order)
        assert await every_page(store, limit, descending=descending) == sorted(in_order, reverse=descending)

    async def test_a_full_last_page_has_no_cursor(self, store: DocumentStore) -> None:
        await store.create(C, P, {"id": "a"})
        await store.create(C, P, {"id": "b"})

        assert (await store.query(C, P, limit=2)).cursor is None

    async def test_changes_come_in_their_latest_version_and_in_order(self, store: DocumentStore) -> None:
        for id in ("a", "b", "c"):
            await store.create(C, P, {"id": id})
        first = await store.changes(C, limit=2)
        await store.upsert(C, P, {"id": "a", "n": 1})
        await store.delete(C, P, "b")
        rest = await store.changes(C, first.cursor)

        assert ids(first) == ["a", "b"]
        assert [document.body for document in rest.documents] == [{"id": "c"}, {"id": "a", "n": 1}]
        assert ids(await store.changes(C, rest.cursor)) == []

    async def test_changes_of_an_empty_container_have_a_cursor_to_go_on_from(self, store: DocumentStore) -> None:
        cursor = (await store.changes(C)).cursor
        assert cursor is not None
        await store.create(C, "any partition", {"id": "a"})

        assert ids(await store.changes(C, cursor)) == ["a"]

    async def test_from_the_tip_only_later_changes_show(self, store: DocumentStore) -> None:
        await store.create(C, P, {"id": "a"})
        await store.create(C, P, {"id": "b"})
        await store.create("others", P, {"id": "a"})
        tip = await store.tip(C)

        assert ids(await store.changes(C, tip)) == []
        await store.upsert(C, P, {"id": "b", "n": 1})
        await store.create(C, "another partition", {"id": "c"})
        assert ids(await store.changes(C, tip)) == ["b", "c"]

    async def test_an_empty_container_has_a_tip(self, store: DocumentStore) -> None:
        tip = await store.tip(C)
        await store.create(C, P, {"id": "a"})

        assert ids(await store.changes(C, tip)) == ["a"]

    async def test_what_went_before_the_tip_does_not_hide_what_comes_after(
        self, store: DocumentStore, clock: FakeClock
    ) -> None:
        await store.create(C, P, {"id": "over"}, ttl_s=60)
        await store.create(C, P, {"id": "deleted"})
        await store.delete(C, P, "deleted")
        clock.advance(120)
        tip = await store.tip(C)
        await store.create(C, P, {"id": "over", "n": 2})

        assert ids(await store.changes(C, tip)) == ["over"]

    async def test_while_others_write_the_tip_misses_nothing(self, store: DocumentStore) -> None:
        async def write(id: str) -> str:
            await store.create(C, P, {"id": id})
            return await store.tip(C)

        names = [str(n) for n in range(20)]
        tips = await asyncio.gather(*(write(name) for name in names))
        after = [set(ids(await store.changes(C, tip))) for tip in tips]

        assert [name for name, later in zip(names, after, strict=True) if name in later] == []
        assert ids(await store.changes(C, await store.tip(C))) == []

    async def test_a_document_is_gone_when_its_time_is_over(self, store: DocumentStore, clock: FakeClock) -> None:
        await store.create(C, P, {"id": "a"}, ttl_s=60)
        clock.advance(59.9)
        assert await store.get(C, P, "a") is not None
        clock.advance(0.1)

        assert await store.get(C, P, "a") is None
        assert ids(await store.query(C, P)) == []
        assert ids(await store.changes(C)) == []
        assert await store.delete(C, P, "a") is False
        with pytest.raises(DocumentMissing):
            await store.increment(C, P, "a", "n", 1)
        assert await store.create(C, P, {"id": "a", "n": 2}) is not None

    async def test_a_write_without_a_time_to_live_lasts(self, store: DocumentStore, clock: FakeClock) -> None:
        await store.create(C, P, {"id": "a"}, ttl_s=60)
        await store.upsert(C, P, {"id": "a"})
        clock.advance(10**6)

        assert await store.get(C, P, "a") is not None
