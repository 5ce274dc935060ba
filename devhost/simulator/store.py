"""Objects that the resource keeps, and the operations that all kinds of them share."""

import secrets
from collections.abc import Mapping
from time import time
from typing import Any

from devhost.simulator.errors import bad_request, object_not_found
from devhost.simulator.exchange import Answer, Call, Handler, Json, Route, answer

_PAGE = 20
_LARGEST_PAGE = 100


def new_id(prefix: str) -> str:
    return prefix + secrets.token_hex(12)


class Collection:
    """Objects of one kind, in the order of their creation."""

    def __init__(self, kind: str, prefix: str) -> None:
        self._kind = kind
        self._prefix = prefix
        self._objects: dict[str, Json] = {}

    def add(self, fields: Mapping[str, Any]) -> Json:
        """Keep a new object; `fields` may set the id."""
        created = {"id": new_id(self._prefix), "object": self._kind, "created_at": int(time()), **fields}
        self._objects[created["id"]] = created
        return created

    def get(self, object_id: str) -> Json:
        """Return the object. Raises AzureError 404."""
        found = self._objects.get(object_id)
        if found is None:
            raise object_not_found(self._kind, object_id)
        return found

    def find(self, object_id: str) -> Json | None:
        return self._objects.get(object_id)

    def all(self) -> list[Json]:
        return list(self._objects.values())

    def remove(self, object_id: str) -> Json:
        """Forget the object and return the confirmation."""
        self.get(object_id)
        del self._objects[object_id]
        return {"id": object_id, "object": f"{self._kind}.deleted", "deleted": True}

    def page(self, query: Mapping[str, str], objects: list[Json] | None = None) -> Json:
        """Return one page; newest first unless the query orders otherwise."""
        chosen = self.all() if objects is None else objects
        if query.get("order", "desc") == "desc":
            chosen = chosen[::-1]
        return paged(chosen, query)


def paged(objects: list[Json], query: Mapping[str, str]) -> Json:
    """Return the page that `limit` and `after` ask for."""
    limit = query.get("limit", str(_PAGE))
    if not limit.isdecimal() or not 1 <= int(limit) <= 100 * _LARGEST_PAGE:
        raise bad_request(f"Invalid 'limit': {limit[:20]!r}.", "limit", "invalid_value")
    ids = [each["id"] for each in objects]
    start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
    page = objects[start : start + int(limit)]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": start + int(limit) < len(objects),
    }


def reading_routes(path: str, collection: Collection) -> tuple[Route, ...]:
    """List and retrieve."""

    async def page(call: Call) -> Answer:
        return answer(collection.page(call.query))

    async def retrieve(call: Call) -> Answer:
        return answer(collection.get(call.ids[0]))

    return Route("GET", path, page), Route("GET", f"{path}/{{id}}", retrieve)


def update_route(path: str, collection: Collection, *mutable: str) -> Route:
    """Change the named fields of an object."""

    async def update(call: Call) -> Answer:
        found = collection.get(call.ids[0])
        found.update({name: call.json[name] for name in mutable if name in call.json})
        return answer(found)

    return Route("POST", f"{path}/{{id}}", update)


def delete_route(path: str, collection: Collection) -> Route:
    async def delete(call: Call) -> Answer:
        return answer(collection.remove(call.ids[0]))

    return Route("DELETE", f"{path}/{{id}}", delete)


def status_route(path: str, collection: Collection, verb: str, status: str) -> Route:
    """`POST {path}/{id}/{verb}` sets the status."""

    async def change(call: Call) -> Answer:
        found = collection.get(call.ids[0])
        found["status"] = status
        return answer(found)

    return Route("POST", f"{path}/{{id}}/{verb}", change)


class Children:
    """A collection below each parent object."""

    def __init__(self, kind: str, prefix: str, parents: Collection) -> None:
        self._kind = kind
        self._prefix = prefix
        self._parents = parents
        self._collections: dict[str, Collection] = {}

    def of(self, parent_id: str) -> Collection:
        """Return the parent's collection. Raises AzureError 404 for an unknown parent."""
        self._parents.get(parent_id)
        return self._collections.setdefault(parent_id, Collection(self._kind, self._prefix))

    def routes(self, path: str) -> tuple[Route, ...]:
        """List, retrieve and delete below `path`, which holds the parent's `{id}`."""
        handlers: tuple[tuple[str, str, Handler], ...] = (
            ("GET", path, self._page),
            ("GET", f"{path}/{{id}}", self._retrieve),
            ("DELETE", f"{path}/{{id}}", self._delete),
        )
        return tuple(Route(method, each, handler) for method, each, handler in handlers)

    async def _page(self, call: Call) -> Answer:
        return answer(self.of(call.ids[0]).page(call.query))

    async def _retrieve(self, call: Call) -> Answer:
        return answer(self.of(call.ids[0]).get(call.ids[1]))

    async def _delete(self, call: Call) -> Answer:
        return answer(self.of(call.ids[0]).remove(call.ids[1]))
