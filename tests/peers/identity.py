"""Azure's managed-identity endpoint and a Key Vault, on loopback, as the SDKs expect to find them.

The tokens are opaque here: the vault knows those that the identity endpoint has issued.
"""

import asyncio
import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

VAULT_RESOURCE = "https://vault.azure.net"


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: object
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ManagedIdentityPeer:
    """The App Service endpoint, version 2019-08-01. `lifetime_s` and `is_down` may be changed at any time."""

    endpoint: str = ""
    header: str = field(default_factory=lambda: secrets.token_hex(16))
    client_ids: frozenset[str] = frozenset()
    lifetime_s: int = 3600
    is_down: bool = False
    requests: list[dict[str, str]] = field(default_factory=list)
    issued: dict[str, str] = field(default_factory=dict)

    async def answer(self, request: Request) -> Response:
        self.requests.append(request.query)
        if self.is_down:
            return Response(500, {"statusCode": 500, "message": "An unexpected error occurred."})
        if request.headers.get("x-identity-header") != self.header:
            return Response(401, {"statusCode": 401, "message": "wrong header"})
        client_id = request.query.get("client_id")
        if request.query.get("api-version") != "2019-08-01" or (client_id and client_id not in self.client_ids):
            return Response(400, {"statusCode": 400, "message": "No managed identity found"})
        token = f"token-{len(self.issued) + 1}-{client_id or 'system'}"
        self.issued[token] = request.query["resource"]
        expires_on = str(int(time.time()) + self.lifetime_s)
        return Response(200, {"access_token": token, "expires_on": expires_on, "token_type": "Bearer", **request.query})


@dataclass(slots=True)
class KeyVaultPeer:
    """Reading secrets: `values` maps a name, or `name/version`, to its value."""

    identity: ManagedIdentityPeer
    url: str = ""
    values: dict[str, str] = field(default_factory=dict)
    is_forbidden: bool = False
    reads: list[str] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.identity.issued.get(token) != VAULT_RESOURCE:
            challenge = f'Bearer authorization="https://login.microsoftonline.com/tenant", resource="{VAULT_RESOURCE}"'
            return Response(401, {"error": {"code": "Unauthorized"}}, {"WWW-Authenticate": challenge})
        if self.is_forbidden:
            return Response(403, {"error": {"code": "Forbidden", "message": "Caller is not authorized"}})
        name = request.path.removeprefix("/secrets/").rstrip("/")
        self.reads.append(name)
        if name not in self.values:
            return Response(404, {"error": {"code": "SecretNotFound", "message": "not found"}})
        return Response(200, {"value": self.values[name], "id": f"{self.url}/secrets/{name}", "attributes": {}})


@asynccontextmanager
async def managed_identity(*client_ids: str) -> AsyncIterator[ManagedIdentityPeer]:
    peer = ManagedIdentityPeer(client_ids=frozenset(client_ids))
    async with _served(peer.answer) as port:
        peer.endpoint = f"http://127.0.0.1:{port}/msi/token"
        yield peer


@asynccontextmanager
async def key_vault(identity: ManagedIdentityPeer, tls: ssl.SSLContext) -> AsyncIterator[KeyVaultPeer]:
    peer = KeyVaultPeer(identity)
    async with _served(peer.answer, tls) as port:
        peer.url = f"https://localhost:{port}"
        yield peer


@asynccontextmanager
async def _served(
    answer: Callable[[Request], Awaitable[Response]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve GET requests, one to a connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            response = await answer(_request(head))
            writer.write(_raw(response))
            await writer.drain()
        finally:
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _request(head: str) -> Request:
    first, *lines = head.strip().split("\r\n")
    target = urlsplit(first.split()[1])
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(target.path, dict(parse_qsl(target.query)), headers)


def _raw(response: Response) -> bytes:
    body = json.dumps(response.body).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**headers, **response.headers}.items())
    return f"HTTP/1.1 {response.status} -\r\n{lines}\r\n".encode() + body
