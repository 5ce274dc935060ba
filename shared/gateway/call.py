"""The state of one call on its way through the pipeline; it begins with the request and ends with one usage event."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from shared.callers.model import Caller
from shared.errors import BadRequest
from shared.gateway.message import HeaderList
from shared.gateway.spending.reservation import Reservation
from shared.ownership.model import OwnedObject
from shared.routing.service import Plan
from shared.usage.model import NO_TRACE, AttemptRecord, Trace, Units, Usage
from shared.wire.multipart import Form
from shared.wire.openai.endpoints import Endpoint, Kind
from shared.wire.openai.routes import Match

Json = dict[str, object]

LONGEST = 200
"""Characters of a name that a caller or an upstream chose: enough for any real one."""


def bounded(name: str) -> str:
    """Return a name fit for events and logs: not too long, and without anything that would break a line."""
    if len(name) <= LONGEST and name.isprintable():
        return name
    return "".join(letter if letter.isprintable() else "?" for letter in name[:LONGEST])


@dataclass(slots=True)
class Content:
    """The caller's body: its bytes, and what was understood of them."""

    raw: bytes | None = None
    json: Json | None = None
    form: Form | None = None
    content_type: str = ""


@dataclass(slots=True)
class Seen:
    """What the answer said of itself, filled in while it passes.

    A pending response is still being made in the background; a cut answer broke off, but was made and is billed. Spillover: the
    provider served by standard what was meant for provisioned capacity.
    """

    usage: Usage | None = None
    model: str | None = None
    object_id: str | None = None
    service_tier: str | None = None
    finish_reason: str | None = None
    error_code: str | None = None
    tool_calls: int | None = None
    is_pending: bool = False
    is_cut: bool = False
    is_spillover: bool = False
    output: bytearray = field(default_factory=bytearray)
    bytes: int = 0

    def note(self, answer: Json) -> None:
        """Take model, id, tier and finish reason from an answer or from one event of a stream."""
        if isinstance(model := answer.get("model"), str) and model:
            self.model = bounded(model)
        if isinstance(identity := answer.get("id"), str) and identity:
            self.object_id = bounded(identity)
        if isinstance(tier := answer.get("service_tier"), str):
            self.service_tier = bounded(tier)
        if isinstance(status := answer.get("status"), str):
            self.is_pending = status in ("queued", "in_progress")
        choices = answer.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and isinstance(reason := choice.get("finish_reason"), str):
                self.finish_reason = bounded(reason)


@dataclass
class Call:
    """One call. `streams` says whether the caller asked for a stream, `hides_usage` that its usage chunk is ours alone.

    `is_made` says that it went out, so that it counts; `is_in_doubt` that nobody knows what became of it there. `asked` is when the
    upstream was first asked, `sending_s` how long the caller took to send his body, `traceparent` what he said of his trace, and `limit`
    which unit had no room left for the call.
    """

    id: str
    started_at: datetime
    started: float
    caller: Caller
    method: str
    match: Match | None = None
    content: Content = field(default_factory=Content)
    model: str | None = None
    image_model: str | None = None
    plan: Plan | None = None
    references: tuple[OwnedObject, ...] = ()
    streams: bool = False
    hides_usage: bool = False
    attempts: list[AttemptRecord] = field(default_factory=list)
    deployment: str | None = None
    first_byte: float | None = None
    asked: float | None = None
    sending_s: float = 0.0
    traceparent: str | None = None
    limit: str | None = None
    seen: Seen = field(default_factory=Seen)
    units: Units = field(default_factory=Units)
    reservation: Reservation = field(default_factory=Reservation)
    batch_work: dict[str, tuple[int, int]] = field(default_factory=dict)
    shadow: list[str] = field(default_factory=list)
    downshifted_from: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    trace: Trace = NO_TRACE
    limit_headers: HeaderList = field(default_factory=list)
    request_bytes: int = 0
    release: Callable[[], None] = field(default=lambda: None)
    is_made: bool = False
    is_in_doubt: bool = False
    is_settled: bool = False
    is_handed_over: bool = False

    @property
    def endpoint_name(self) -> str:
        return self.match.endpoint.name if self.match else "unknown"

    @property
    def matched(self) -> Match:
        """The match, for every step after the first."""
        assert self.match is not None
        return self.match

    @property
    def endpoint(self) -> Endpoint:
        return self.matched.endpoint

    @property
    def owned_kind(self) -> Kind:
        """The kind of the objects that an owned endpoint is about."""
        assert self.endpoint.owned is not None
        return self.endpoint.owned


MAX_DEPTH = 200
"""Levels of nesting that are read: deeper than anything real, and shallow enough for every reader and writer of JSON."""

MAX_OBJECTS, MAX_VALUES = 300_000, 2_000_000
"""Brackets and commas in a body: what costs time and memory is their number, not the length of the text between them."""


def parse_object(raw: bytes) -> Json:
    """Return a JSON body as an object. Raises BadRequest, which never repeats the body."""
    brackets = raw.count(b"{") + raw.count(b"[")
    if brackets > MAX_OBJECTS or (len(raw) > MAX_VALUES and raw.count(b",") > MAX_VALUES):
        raise BadRequest("The request body has too many values.", code="invalid_json")
    try:
        parsed = orjson.loads(raw)
        if brackets > MAX_DEPTH:
            _check_depth(parsed)
    except orjson.JSONDecodeError as error:
        raise BadRequest(
            f"The request body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
            code="invalid_json",
        ) from None
    if not isinstance(parsed, dict):
        raise BadRequest("The request body must be a JSON object.", code="invalid_json")
    return parsed


def _check_depth(root: object) -> None:
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for node in level
            for item in (node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
            if isinstance(item, dict | list)
        ]
        if not level:
            return
    raise BadRequest("The request body is nested too deeply.", code="invalid_json")
