"""/vector_stores: files are attached at once, and search ranks them by shared words."""

import re
from time import time

from devhost.simulator.checks import required
from devhost.simulator.errors import bad_request
from devhost.simulator.exchange import Answer, Call, Json, Route, answer
from devhost.simulator.resources.files import Files
from devhost.simulator.store import Children, Collection, delete_route, paged, reading_routes, update_route

_ROOT = "vector_stores"
_WORD = re.compile(r"\w+")
_EXCERPT = 800
_CHUNKING = {"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}}


class VectorStores:
    def __init__(self, files: Files) -> None:
        self._files = files
        self._stores = Collection("vector_store", "vs_")
        self._attached = Children("vector_store.file", "file-", self._stores)
        self._batches = Children("vector_store.files_batch", "vsfb_", self._stores)

    def routes(self) -> tuple[Route, ...]:
        files, batches = f"{_ROOT}/{{id}}/files", f"{_ROOT}/{{id}}/file_batches"
        return (
            Route("POST", _ROOT, self.create),
            *reading_routes(_ROOT, self._stores),
            update_route(_ROOT, self._stores, "name", "metadata", "expires_after"),
            delete_route(_ROOT, self._stores),
            Route("POST", f"{_ROOT}/{{id}}/search", self.search),
            Route("POST", files, self.attach),
            Route("POST", f"{files}/{{id}}", self.update_file),
            Route("GET", f"{files}/{{id}}/content", self.file_content),
            *self._attached.routes(files),
            Route("POST", batches, self.attach_many),
            Route("POST", f"{batches}/{{id}}/cancel", self.cancel_batch),
            Route("GET", f"{batches}/{{id}}/files", self.batch_files),
            self._batches.routes(batches)[1],
        )

    async def create(self, call: Call) -> Answer:
        fields = {
            "name": call.json.get("name") or "",
            "metadata": call.json.get("metadata") or {},
            "expires_after": call.json.get("expires_after"),
            "status": "completed",
            "usage_bytes": 0,
            "file_counts": _counts(0),
            "last_active_at": int(time()),
        }
        store = self._stores.add(fields)
        for file_id in call.json.get("file_ids") or ():
            self._attach(store["id"], file_id, None)
        return answer(store)

    async def attach(self, call: Call) -> Answer:
        file_id = required(call.json, "file_id")
        return answer(self._attach(call.ids[0], file_id, call.json.get("attributes")))

    async def attach_many(self, call: Call) -> Answer:
        ids = required(call.json, "file_ids")
        attached = [self._attach(call.ids[0], each, call.json.get("attributes")) for each in ids]
        fields: Json = {
            "vector_store_id": call.ids[0],
            "status": "completed",
            "file_counts": _counts(len(attached)),
        }
        batch = self._batches.of(call.ids[0]).add(fields)
        for each in attached:
            each["batch_id"] = batch["id"]
        return answer(batch)

    async def cancel_batch(self, call: Call) -> Answer:
        return answer(self._batches.of(call.ids[0]).get(call.ids[1]))

    async def batch_files(self, call: Call) -> Answer:
        batch = self._batches.of(call.ids[0]).get(call.ids[1])
        files = [each for each in self._attached.of(call.ids[0]).all() if each.get("batch_id") == batch["id"]]
        return answer(paged(files, call.query))

    async def update_file(self, call: Call) -> Answer:
        found = self._attached.of(call.ids[0]).get(call.ids[1])
        found["attributes"] = call.json.get("attributes")
        return answer(found)

    async def file_content(self, call: Call) -> Answer:
        found = self._attached.of(call.ids[0]).get(call.ids[1])
        content = [{"type": "text", "text": self._text(found["id"])}]
        return answer(
            {"object": "vector_store.file_content.page", "data": content, "has_more": False, "next_page": None}
        )

    async def search(self, call: Call) -> Answer:
        query = required(call.json, "query")
        queries = [query] if isinstance(query, str) else list(query)
        wanted = set(_WORD.findall(" ".join(queries).lower()))
        hits = [self._hit(each, wanted) for each in self._attached.of(call.ids[0]).all()]
        ranked = sorted((hit for hit in hits if hit["score"] > 0), key=lambda hit: -hit["score"])
        found = ranked[: call.json.get("max_num_results") or 10]
        page = {"object": "vector_store.search_results.page", "search_query": queries, "data": found}
        return answer({**page, "has_more": False, "next_page": None})

    def _attach(self, store_id: str, file_id: object, attributes: object) -> Json:
        attached = self._attached.of(store_id)
        kept = self._files.find(file_id)
        if kept is None:
            raise bad_request("The file does not exist.", "file_id", "invalid_value")
        store = self._stores.get(store_id)
        fields = {
            "id": kept["id"],
            "vector_store_id": store_id,
            "status": "completed",
            "usage_bytes": kept["bytes"],
            "last_error": None,
            "attributes": attributes or {},
            "chunking_strategy": _CHUNKING,
        }
        created = attached.add(fields)
        store["usage_bytes"] = sum(each["usage_bytes"] for each in attached.all())
        store["file_counts"] = _counts(len(attached.all()))
        return created

    def _text(self, file_id: str) -> str:
        return self._files.content(file_id).decode("utf-8", "replace")

    def _hit(self, attached: Json, wanted: set[str]) -> Json:
        kept = self._files.find(attached["id"])
        text = self._text(attached["id"]) if kept else ""
        shared = wanted & set(_WORD.findall(text.lower()))
        return {
            "file_id": attached["id"],
            "filename": kept["filename"] if kept else "",
            "score": round(len(shared) / len(wanted), 4) if wanted else 0.0,
            "attributes": attached["attributes"],
            "content": [{"type": "text", "text": text[:_EXCERPT]}],
        }


def _counts(completed: int) -> Json:
    return {"in_progress": 0, "completed": completed, "failed": 0, "cancelled": 0, "total": completed}
