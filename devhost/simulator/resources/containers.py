"""/containers and the files in them."""

from time import time

from devhost.simulator.checks import required
from devhost.simulator.errors import bad_request, object_not_found
from devhost.simulator.exchange import Answer, Call, Json, Route, answer
from devhost.simulator.resources.files import Files
from devhost.simulator.store import Children, Collection, delete_route, reading_routes


class Containers:
    def __init__(self, files: Files) -> None:
        self._files = files
        self._containers = Collection("container", "cntr_")
        self._inside = Children("container.file", "cfile_", self._containers)
        self._contents: dict[str, bytes] = {}

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "containers", self.create),
            *reading_routes("containers", self._containers),
            delete_route("containers", self._containers),
            Route("POST", "containers/{id}/files", self.add_file),
            Route("GET", "containers/{id}/files/{id}/content", self.download),
            *self._inside.routes("containers/{id}/files"),
        )

    async def create(self, call: Call) -> Answer:
        expires = call.json.get("expires_after") or {"anchor": "last_active_at", "minutes": 20}
        fields = {
            "name": required(call.json, "name"),
            "status": "running",
            "expires_after": expires,
            "last_active_at": int(time()),
            "memory_limit": call.json.get("memory_limit") or "1g",
        }
        return answer(self._containers.add(fields))

    async def add_file(self, call: Call) -> Answer:
        inside = self._inside.of(call.ids[0])
        filename, content = self._source(call)
        fields: Json = {
            "bytes": len(content),
            "container_id": call.ids[0],
            "path": f"/mnt/data/{filename}",
            "source": "user",
        }
        created = inside.add(fields)
        self._contents[created["id"]] = content
        return answer(created)

    async def download(self, call: Call) -> Answer:
        found = self._inside.of(call.ids[0]).get(call.ids[1])
        return Answer(self._contents[found["id"]], content_type="application/octet-stream")

    def _source(self, call: Call) -> tuple[str, bytes]:
        if upload := call.form.file("file"):
            return upload.filename, upload.content
        file_id = call.json.get("file_id") or call.form.fields.get("file_id")
        if not file_id:
            raise bad_request("Send 'file' or 'file_id'.", "file_id", "missing_required_parameter")
        kept = self._files.find(file_id)
        if kept is None:
            raise object_not_found("file", str(file_id))
        return kept["filename"], self._files.content(kept["id"])
