"""/files: kept in memory, byte for byte."""

from time import time

from devhost.simulator.errors import bad_request, object_not_found
from devhost.simulator.exchange import Answer, Call, Json, Route, answer
from devhost.simulator.store import Collection, delete_route, new_id, reading_routes

_PURPOSES = frozenset({"assistants", "batch", "batch_output", "fine-tune", "fine-tune-results", "evals", "vision"})


class Files:
    def __init__(self) -> None:
        self._files = Collection("file", "file-")
        self._contents: dict[str, bytes] = {}

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "files", self.create),
            Route("GET", "files", self.page),
            reading_routes("files", self._files)[1],
            delete_route("files", self._files),
            Route("GET", "files/{id}/content", self.download),
        )

    def keep(self, filename: str, content: bytes, purpose: str) -> Json:
        """Keep a file and return its object."""
        file_id = new_id("file-")
        self._contents[file_id] = content
        details = {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": int(time()),
            "filename": filename,
            "purpose": purpose,
            "status": "processed",
            "status_details": None,
        }
        return self._files.add(details)

    def find(self, file_id: object) -> Json | None:
        return self._files.find(file_id) if isinstance(file_id, str) else None

    def content(self, file_id: str) -> bytes:
        """Return the bytes. Raises AzureError 404."""
        if self._files.find(file_id) is None:
            raise object_not_found("file", file_id)
        return self._contents[file_id]

    async def create(self, call: Call) -> Answer:
        purpose = call.form.fields.get("purpose")
        upload = call.form.file("file")
        if upload is None:
            raise bad_request("Missing required parameter: 'file'.", "file", "missing_required_parameter")
        if purpose not in _PURPOSES:
            raise bad_request(f"Invalid value for 'purpose': {purpose!r}.", "purpose", "invalid_value")
        return answer(self.keep(upload.filename, upload.content, purpose), 201)

    async def page(self, call: Call) -> Answer:
        wanted = call.query.get("purpose")
        files = [file for file in self._files.all() if wanted in (None, file["purpose"])]
        return answer(self._files.page(call.query, files))

    async def download(self, call: Call) -> Answer:
        return Answer(self.content(call.ids[0]), content_type="application/octet-stream")
