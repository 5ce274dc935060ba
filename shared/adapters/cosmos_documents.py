"""The document store in Azure: documents in the containers of one Cosmos DB database, shared by all instances."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from shared.adapters.cosmos import ClientFactory, CosmosDatabase, StoreFigures
from shared.adapters.cosmos_items import document_of, key_of, operation_of
from shared.adapters.cosmos_query import Order, Query, Row, path_of, read_cursor, within, write_cursor
from shared.adapters.entra import Credential
from shared.documents import (
    Condition,
    Create,
    Delete,
    Document,
    DocumentMissing,
    Json,
    Operation,
    Page,
    Replace,
    Upsert,
)

_BATCH = 100


class CosmosDocuments:
    """A DocumentStore. Numbers are doubles there: integers are exact up to 2**53, and 1.0 comes back as 1.

    A write whose answer is lost raises StoreUnavailable and may have happened; it is never sent a second time. That is why
    every write is a batch or a patch: the HTTP client quietly sends a PUT or DELETE again when its connection breaks.
    """

    def __init__(
        self,
        endpoint: str,
        database: str,
        *,
        credential_factory: Callable[[], Credential],
        creates_containers: bool = False,
        client_factory: ClientFactory | None = None,
        patience_s: float = 5.0,
        figures: StoreFigures | None = None,
    ) -> None:
        """`figures` hears of every operation: its request units, its time, and when the store asked for patience."""
        self._database = CosmosDatabase(
            endpoint, database, credential_factory, client_factory, creates_containers, patience_s, figures
        )

    async def get(self, container: str, partition: str, id: str) -> Document | None:
        try:
            item = await self._database.call(
                "get",
                container,
                lambda items, hook: items.read_item(key_of(id), key_of(partition), response_hook=hook),
                repeatable=True,
            )
        except DocumentMissing:
            return None
        return document_of(item)

    async def create(self, container: str, partition: str, document: Json, ttl_s: int | None = None) -> Document:
        return await self._write("create", container, partition, Create(document, ttl_s))

    async def upsert(self, container: str, partition: str, document: Json, ttl_s: int | None = None) -> Document:
        return await self._write("upsert", container, partition, Upsert(document, ttl_s))

    async def replace(
        self, container: str, partition: str, document: Json, if_match: str, ttl_s: int | None = None
    ) -> Document:
        return await self._write("replace", container, partition, Replace(document, if_match, ttl_s))

    async def delete(self, container: str, partition: str, id: str, if_match: str | None = None) -> bool:
        try:
            await self._batch("delete", container, partition, [Delete(id, if_match)])
        except DocumentMissing:
            return False
        return True

    async def increment(
        self, container: str, partition: str, id: str, field: str, by: int, ceiling: int | None = None
    ) -> int:
        path_of(field)
        item = await self._database.call(
            "increment",
            container,
            lambda items, hook: items.patch_item(
                key_of(id),
                key_of(partition),
                [{"op": "incr", "path": f"/body/{field}", "value": by}],
                filter_predicate=None if ceiling is None else within(field, by, ceiling),
                response_hook=hook,
            ),
        )
        return int(item["body"][field])

    async def batch(
        self, container: str, partition: str, operations: Sequence[Operation]
    ) -> tuple[Document | None, ...]:
        if len(operations) > _BATCH:
            raise ValueError(f"a batch has at most {_BATCH} operations")
        return await self._batch("batch", container, partition, operations) if operations else ()

    async def query(
        self,
        container: str,
        partition: str,
        where: Sequence[Condition] = (),
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        """Documents without the `order_by` field come first; `descending` turns the whole order round, ids included."""
        if limit < 1:
            raise ValueError("limit must be at least 1")
        order = Order(where, order_by, descending)
        place = None if cursor is None else read_cursor(cursor)
        rows = await order.rows(lambda query: self._rows(container, partition, query), limit + 1, place)
        documents = tuple(document_of(row) for row in rows[:limit])
        return Page(documents, write_cursor(order.place(rows[limit - 1])) if len(rows) > limit else None)

    async def changes(self, container: str, cursor: str | None = None, limit: int = 100) -> Page:
        """Read one page of the feed; where a container is large, changes are in order within each partition only."""
        start = {"continuation": cursor} if cursor else {"start_time": "Beginning"}

        async def first(pages: AsyncIterator[AsyncIterator[Any]]) -> tuple[Document, ...]:
            async for page in pages:
                return tuple([document_of(item) async for item in page])
            return ()

        documents, cursor = await self._feed("changes", container, first, max_item_count=limit, **start)
        return Page(documents, cursor)

    async def tip(self, container: str) -> str:
        """A replica that is behind answers with an earlier cursor: the feed then shows a little more, never less."""

        async def last(pages: AsyncIterator[AsyncIterator[Any]]) -> None:
            # A split can show changes early. The feed has a place in every part of the container once it shows none.
            async for page in pages:
                async for _ in page:
                    pass

        _, cursor = await self._feed("tip", container, last, start_time="Now")
        return cursor

    async def close(self) -> None:
        await self._database.close()

    async def _write(self, name: str, container: str, partition: str, operation: Operation) -> Document:
        (document,) = await self._batch(name, container, partition, [operation])
        assert document is not None
        return document

    async def _batch(
        self, name: str, container: str, partition: str, operations: Sequence[Operation]
    ) -> tuple[Document | None, ...]:
        # Each attempt needs operations of its own: the SDK takes the ETags out of those that it is given.
        results = await self._database.call(
            name,
            container,
            lambda items, hook: items.execute_item_batch(
                [operation_of(partition, operation) for operation in operations], key_of(partition), response_hook=hook
            ),
            repeatable=all(isinstance(operation, Upsert) for operation in operations),
        )
        return tuple(
            None if isinstance(operation, Delete) else document_of(result["resourceBody"])
            for operation, result in zip(operations, results, strict=True)
        )

    async def _feed[T](
        self, name: str, container: str, read: Callable[[AsyncIterator[Any]], Awaitable[T]], **options: Any
    ) -> tuple[T, str]:
        """Read from the change feed and return the cursor after what was read."""
        answers: list[Mapping[str, Any]] = []

        async def work(items: Any, hook: Callable[..., None]) -> T:
            def heard(headers: Mapping[str, Any], body: Any) -> None:
                answers.append(headers)
                hook(headers, body)

            return await read(items.query_items_change_feed(response_hook=heard, **options).by_page())

        found = await self._database.call(name, container, work, repeatable=True)
        return found, str(answers[-1]["etag"])

    async def _rows(self, container: str, partition: str, query: Query) -> list[Row]:
        async def work(items: Any, hook: Callable[..., None]) -> list[Row]:
            found = items.query_items(
                query.sql, parameters=query.parameters, partition_key=key_of(partition), response_hook=hook
            )
            return [row async for row in found]

        return await self._database.call("query", container, work, repeatable=True)
