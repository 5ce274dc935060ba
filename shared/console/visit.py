"""One visit of a page: who comes, what he asks for, and the management API as he may use it."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from shared.callers.model import Caller
from shared.directory.model import Role
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.management.api import ManagementApi
from shared.management.call import Answer


@dataclass(frozen=True, slots=True)
class Visit:
    """`path` holds what stands for the braces of the address. Every figure comes from the management API, as for anybody else."""

    api: ManagementApi
    caller: Caller
    address: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    time_zone: str

    @property
    def changes(self) -> bool:
        """Whether the visitor may change things; the others see no forms."""
        return self.caller.role is Role.PLATFORM_ADMIN

    @property
    def sees_all(self) -> bool:
        return self.caller.role in (Role.PLATFORM_ADMIN, Role.AUDITOR)

    async def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """Return the answer of an operation. Raises Problem, GatewayError and StoreUnavailable."""
        return (await self.perform("GET", path, query)).body

    async def post(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        return (await self.perform("POST", path, None, body or {})).body

    async def delete(self, path: str) -> None:
        await self.perform("DELETE", path)

    async def perform(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Answer:
        raw = b"" if body is None else orjson.dumps(body)
        headers = {"content-type": "application/json"}
        asked = urlencode({name: str(value) for name, value in (query or {}).items() if value not in (None, "")})
        request = GatewayRequest(
            method, f"/api/v1/{path}", asked, headers, list(headers.items()), lambda: _pieces(raw), self.address
        )
        return await self.api.perform(request, self.caller)


@dataclass(frozen=True, slots=True)
class Shown:
    """A page to render. `refresh_s`: it looks again by itself after so many seconds."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    refresh_s: int | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """Go to another page; `done` names what was done, in a word that the pages know."""

    path: str
    done: str | None = None

    @property
    def address(self) -> str:
        place = quote(self.path, safe="/@?&=%")
        return f"{place}{'&' if '?' in place else '?'}done={self.done}" if self.done else place


type Outcome = Shown | Moved | GatewayResponse
type View = Callable[[Visit], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Page:
    """A row of the table of pages: `path` below /console, with names in braces."""

    method: str
    path: str
    view: View


async def _pieces(raw: bytes) -> AsyncGenerator[bytes]:
    if raw:
        yield raw
