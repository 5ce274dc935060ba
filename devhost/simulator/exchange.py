"""What passes between the door and a resource: the call, the answer, and the route that joins them."""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import orjson

from devhost.simulator.catalog import Deployment
from devhost.simulator.faults import Faults
from devhost.simulator.forms import Form

Json = dict[str, Any]

DONE = b"data: [DONE]\n\n"


class ModelIn(Enum):
    """Where a v1 request names its deployment."""

    NOWHERE = "nowhere"
    BODY = "body"
    FORM = "form"
    OPTIONAL = "optional"
    SESSION = "session"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer in parts; each part is one write, and for server-sent events one event."""

    parts: AsyncIterable[bytes] | Iterable[bytes]
    content_type: str = "text/event-stream; charset=utf-8"

    @property
    def holds_events(self) -> bool:
        return self.content_type.startswith("text/event-stream")


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was admitted: its credentials, address and deployment are good."""

    ids: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    json: Json = field(default_factory=dict)
    form: Form = field(default_factory=Form)
    body: bytes = b""
    content_type: str = ""
    origin: str = ""
    faults: Faults = field(default_factory=Faults)
    named: Deployment | None = None

    @property
    def deployment(self) -> Deployment:
        """The deployment of a call whose route requires one."""
        if self.named is None:
            raise LookupError("the route does not require a deployment")
        return self.named


Handler = Callable[[Call], Awaitable[Answer | Stream]]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `{id}` in the path matches one segment."""

    method: str
    path: str
    handler: Handler
    model: ModelIn = ModelIn.NOWHERE
    by_deployment: bool = False


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return a JSON answer."""
    return Answer(orjson.dumps(value), status, headers=dict(headers or {}))


def event(value: object, name: str | None = None) -> bytes:
    """Return one server-sent event."""
    prefix = f"event: {name}\n".encode() if name else b""
    return prefix + b"data: " + orjson.dumps(value) + b"\n\n"
