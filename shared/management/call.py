"""One request to the management API on its way to its handler, and what the table says of an operation."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from shared.audit.model import Actor
from shared.callers.model import Caller
from shared.directory.model import Role
from shared.gateway.message import HeaderList
from shared.management.authority import Authority
from shared.management.ports import Parts


@dataclass(frozen=True, slots=True)
class Call:
    """`path` holds what stands for the braces of the address, `body` and `query` what the operation's models made of them.

    `body` is the plain JSON where the operation itself knows which fields the address fills.
    `if_match` are the entity tags that were sent, None where none were.
    """

    parts: Parts
    caller: Caller
    request_id: str
    path: Mapping[str, str]
    query: Any
    body: Any
    if_match: tuple[str, ...] | None

    @property
    def authority(self) -> Authority:
        return Authority(self.caller.role, self.caller.team)

    @property
    def actor(self) -> Actor:
        return Actor(self.caller.id, self.caller.kind)

    @property
    def is_key(self) -> bool:
        """Whether a key is called with; what a token may do ends with its owner, not with the token."""
        return self.caller.kind == "virtual_key"

    @property
    def scope(self) -> str:
        """The caller's own place: its key, or for the bearer of a token the owner."""
        return f"keys/{self.caller.id}" if self.is_key else self.caller.owner


@dataclass(frozen=True, slots=True)
class Answer:
    """JSON, nothing, or with a content-type of its own `content`: bytes or a stream of them."""

    body: Mapping[str, Any] | None
    headers: HeaderList = field(default_factory=list)
    content: bytes | AsyncGenerator[bytes] | None = None


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the table; without a `handler` it answers everybody with the document that is made of the table.

    `filled` are fields of the request that the address or the gateway gives, so that a body may lack them. `is_raw`: the
    handler checks the body itself, because the address or what is stored belongs to it. `is_tagged`: the answer has an ETag.
    `takes` and `gives` are content types other than JSON; a body of such a type reaches the handler as a stream.
    """

    name: str
    method: str
    path: str
    summary: str
    roles: frozenset[Role]
    handler: Handler | None
    response: type[BaseModel] | None
    status: int = 200
    request: type[BaseModel] | None = None
    filled: frozenset[str] = frozenset()
    is_raw: bool = False
    is_patch: bool = False
    query: type[BaseModel] | None = None
    is_list: bool = False
    may_be_empty: bool = False
    if_match: Literal["required", "optional"] | None = None
    is_tagged: bool = False
    takes: str | None = None
    gives: str | None = None
