"""Reports in a container of Azure Blob Storage, over its REST API with the gateway's own identity (docs/decisions/0024)."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Final
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import aiohttp
from yarl import URL

from shared.finance.ports import ReportExists, StorageUnavailable, checked_path, checked_prefix
from shared.providers.port import CredentialUnavailable, TokenSource

SCOPE: Final = "https://storage.azure.com/.default"
API_VERSION: Final = "2023-11-03"
BLOCK: Final = 8 * 1024 * 1024
LARGEST_READ: Final = 512 * 1024 * 1024

_PATIENCE_S, _TRIES = 120.0, 5
_EXISTS = (409, 412)
_PASSING = (408, 429, 500, 502, 503, 504)
_WRITER = "x-ms-meta-writer"


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class BlobReports:
    """A ReportStorage. `container_url` is the address of a container that exists; the identity may read and write its blobs."""

    def __init__(
        self, container_url: str, tokens: TokenSource, *, first_delay_s: float = 0.5, block: int = BLOCK
    ) -> None:
        self._url, self._tokens = container_url.rstrip("/"), tokens
        self._first_delay_s, self._block = first_delay_s, block
        self._session: aiohttp.ClientSession | None = None

    async def write(self, path: str, content: bytes | AsyncIterator[bytes], content_type: str) -> None:
        """Up to a block in one request; more as blocks, which become a blob only when all of them are there."""
        url = self._blob(checked_path(path))
        writer = token_hex(16)
        headers = {"x-ms-blob-content-type": content_type, "if-none-match": "*", _WRITER: writer}
        pieces = _pieces(content, self._block)
        first = await anext(pieces, b"")
        second = await anext(pieces, None)
        if second is None:
            answer = await self._send("PUT", url, first, {**headers, "x-ms-blob-type": "BlockBlob"})
        else:
            ids = [
                await self._put_block(url, number, piece) async for number, piece in _numbered(first, second, pieces)
            ]
            listed = "".join(f"<Latest>{id}</Latest>" for id in ids)
            body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'.encode()
            answer = await self._send("PUT", f"{url}?comp=blocklist", body, headers)
        if answer.status in _EXISTS:
            await self._check_ours(path, url, writer)
        elif answer.status != 201:
            raise _refused(path, answer)

    async def read(self, path: str) -> bytes | None:
        answer = await self._send("GET", self._blob(checked_path(path)))
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise _refused(path, answer)
        return answer.body

    async def list(self, prefix: str) -> list[str]:
        names: list[str] = []
        marker = ""
        while True:
            query = urlencode(
                {"restype": "container", "comp": "list", "prefix": checked_prefix(prefix), "marker": marker}
            )
            answer = await self._send("GET", f"{self._url}?{query}")
            if answer.status != 200:
                raise _refused(prefix, answer)
            found, marker = _listed(answer.body)
            names += found
            if not marker:
                return sorted(names)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _put_block(self, url: str, number: int, piece: bytes) -> str:
        id = base64.b64encode(f"{number:08}".encode()).decode()
        answer = await self._send("PUT", f"{url}?comp=block&blockid={quote(id, safe='')}", piece)
        if answer.status != 201:
            raise _refused(url.rpartition("/")[2], answer)
        return id

    async def _check_ours(self, path: str, url: str, writer: str) -> None:
        """Where an answer was lost, the second try finds what the first one wrote."""
        answer = await self._send("HEAD", url)
        if answer.headers.get(_WRITER) != writer:
            raise ReportExists(path)

    async def _send(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> _Answer:
        delay, reason = self._first_delay_s, "no answer"
        for left in reversed(range(_TRIES)):
            try:
                answer = await self._try(method, url, body, headers or {})
            except CredentialUnavailable as error:
                raise StorageUnavailable("no access token for the storage account") from error
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                reason = type(error).__name__
            else:
                if answer.status not in _PASSING:
                    return answer
                reason = f"status {answer.status}"
            if left:
                await asyncio.sleep(delay)
                delay *= 2
        raise StorageUnavailable(f"the storage account does not answer: {reason}")

    async def _try(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> _Answer:
        answer, token = await self._once(method, url, body, headers)
        if answer.status == 401:
            self._tokens.invalidate(token, SCOPE)
            answer, _ = await self._once(method, url, body, headers)
        return answer

    async def _once(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[_Answer, str]:
        token = self._tokens.cached(SCOPE) or await self._tokens.bearer(SCOPE)
        sent = {**headers, "authorization": f"Bearer {token}", "x-ms-version": API_VERSION}
        session = self._session or self._open()
        # What is in the query is encoded already, and a path must go out as it was checked.
        async with session.request(
            method, URL(url, encoded=True), data=body if method == "PUT" else None, headers=sent, allow_redirects=False
        ) as response:
            content = await _read(response)
            return _Answer(
                response.status, {name.lower(): value for name, value in response.headers.items()}, content
            ), token

    def _open(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=_PATIENCE_S), trust_env=False
        )
        return self._session

    def _blob(self, path: str) -> str:
        return f"{self._url}/{quote(path, safe='/')}"


async def _read(response: aiohttp.ClientResponse) -> bytes:
    pieces, size = [], 0
    async for piece in response.content.iter_chunked(1 << 20):
        size += len(piece)
        if size > LARGEST_READ:
            raise StorageUnavailable(f"the file is larger than {LARGEST_READ} bytes")
        pieces.append(piece)
    return b"".join(pieces)


async def _pieces(content: bytes | AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """Return the content in pieces of one size, but for the last."""
    buffer = bytearray()
    async for part in _parts(content):
        buffer += part
        while len(buffer) > size:
            yield bytes(buffer[:size])
            del buffer[:size]
    yield bytes(buffer)


async def _parts(content: bytes | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    async for part in content:
        yield part


async def _numbered(first: bytes, second: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    yield 0, first
    yield 1, second
    number = 1
    async for piece in others:
        number += 1
        yield number, piece


def _listed(body: bytes) -> tuple[list[str], str]:
    """Return the names on a page of a listing, and where the next one begins."""
    try:
        page = ElementTree.fromstring(body.removeprefix(b"\xef\xbb\xbf"))
    except ElementTree.ParseError as error:
        raise StorageUnavailable("the storage account's listing cannot be read") from error
    return [name.text or "" for name in page.iterfind("Blobs/Blob/Name")], page.findtext("NextMarker") or ""


def _refused(path: str, answer: _Answer) -> StorageUnavailable:
    code = answer.headers.get("x-ms-error-code", "")
    return StorageUnavailable(f"{path}: status {answer.status} {code[:60]}".rstrip())
