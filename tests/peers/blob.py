"""A container of Azure Blob Storage on loopback, as far as its REST API is used: Put Blob, Put Block (List), Get, Head, List.

It follows https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api: versions, bearer tokens, conditions, errors.
"""

import base64
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from aiohttp import web

CONTAINER = "reports"
PAGE = 3
PASSES = -1


@dataclass(frozen=True, slots=True)
class Blob:
    content: bytes
    content_type: str
    metadata: dict[str, str]


@dataclass(slots=True)
class BlobPeer:
    """`faults` are statuses to answer with instead; 0 stands for a connection that breaks after the work is done, PASSES for none."""

    url: str = ""
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    blobs: dict[str, Blob] = field(default_factory=dict)
    blocks: dict[str, dict[str, bytes]] = field(default_factory=dict)
    faults: list[int] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append((request.method, request.query.get("comp", "")))
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _error(401, "InvalidAuthenticationInfo")
        if not request.headers.get("x-ms-version", "") >= "2017-11-09":
            return _error(400, "InvalidHeaderValue")
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None and fault > 0:
            return _error(fault, "ServerBusy")
        response = self._answer(request, body)
        if fault == 0 and request.transport is not None:
            request.transport.close()
        return response

    def _answer(self, request: web.Request, body: bytes) -> web.Response:
        name = request.path.removeprefix(f"/{CONTAINER}").removeprefix("/")
        if request.method == "PUT":
            return self._put(request, name, body)
        if request.query.get("comp") == "list":
            return self._listing(request.query.get("prefix", ""), request.query.get("marker", ""))
        blob = self.blobs.get(name)
        if blob is None:
            return _error(404, "BlobNotFound")
        headers = {f"x-ms-meta-{key}": value for key, value in blob.metadata.items()}
        return web.Response(body=blob.content, content_type=blob.content_type.split(";")[0], headers=headers)

    def _put(self, request: web.Request, name: str, body: bytes) -> web.Response:
        comp = request.query.get("comp")
        if comp == "block":
            id = request.query["blockid"]
            base64.b64decode(id, validate=True)
            self.blocks.setdefault(name, {})[id] = body
            return web.Response(status=201)
        if comp is None and request.headers.get("x-ms-blob-type") != "BlockBlob":
            return _error(400, "MissingRequiredHeader")
        if request.headers.get("if-none-match") == "*" and name in self.blobs:
            return _error(409, "BlobAlreadyExists")
        content = body if comp is None else self._assembled(name, body)
        if content is None:
            return _error(400, "InvalidBlockList")
        meta = "x-ms-meta-"
        metadata = {
            key.lower()[len(meta) :]: value for key, value in request.headers.items() if key.lower().startswith(meta)
        }
        self.blobs[name] = Blob(content, request.headers["x-ms-blob-content-type"], metadata)
        return web.Response(status=201, headers={"etag": '"0x1"'})

    def _assembled(self, name: str, body: bytes) -> bytes | None:
        ids = [each.text or "" for each in ElementTree.fromstring(body).iter("Latest")]
        known = self.blocks.get(name, {})
        return b"".join(known[id] for id in ids) if known.keys() >= set(ids) else None

    def _listing(self, prefix: str, marker: str) -> web.Response:
        names = [name for name in sorted(self.blobs) if name.startswith(prefix) and name >= marker]
        blobs = "".join(f"<Blob><Name>{escape(name)}</Name></Blob>" for name in names[:PAGE])
        following = names[PAGE] if len(names) > PAGE else ""
        text = (
            f'\ufeff<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>{blobs}</Blobs>'
            f"<NextMarker>{escape(following)}</NextMarker></EnumerationResults>"
        )
        return web.Response(body=text.encode(), content_type="application/xml")


def _error(status: int, code: str) -> web.Response:
    return web.Response(status=status, headers={"x-ms-error-code": code})


@asynccontextmanager
async def blob_peer() -> AsyncIterator[BlobPeer]:
    peer = BlobPeer()
    async with _served(peer.answer) as port:
        peer.url = f"http://127.0.0.1:{port}/{CONTAINER}"
        yield peer


@asynccontextmanager
async def _served(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[int]:
    runner = web.ServerRunner(web.Server(answer))  # type: ignore[arg-type]
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
