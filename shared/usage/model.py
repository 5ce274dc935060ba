"""What one call used: disjoint token buckets, other units, and the immutable event that reports them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import StrEnum

from shared.directory.model import ORGANIZATION


class Source(StrEnum):
    """Where the figures come from.

    NONE: the call used nothing that anybody bills. PENDING: a background response whose usage is not known yet.
    """

    PROVIDER = "provider"
    REQUEST = "request"
    ESTIMATED = "estimated"
    PENDING = "pending"
    NONE = "none"


class Outcome(StrEnum):
    """How the call ended, seen from the gateway."""

    COMPLETED = "completed"
    REFUSED = "refused"
    UPSTREAM_ERROR = "upstream_error"
    STREAM_CUT = "stream_cut"
    CLIENT_GONE = "client_gone"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens in buckets that do not overlap: all `input_*` sum to the provider's input count, all `output_*` to its output count."""

    input_fresh: int = 0
    input_cached: int = 0
    input_cache_write: int = 0
    input_audio: int = 0
    input_image: int = 0
    output_text: int = 0
    output_reasoning: int = 0
    output_audio: int = 0
    output_image: int = 0

    @property
    def input(self) -> int:
        return self.input_fresh + self.input_cached + self.input_cache_write + self.input_audio + self.input_image

    @property
    def output(self) -> int:
        return self.output_text + self.output_reasoning + self.output_audio + self.output_image


@dataclass(frozen=True, slots=True)
class Units:
    """What is billed by something other than tokens: seconds of audio (in thousandths), characters spoken, pictures made."""

    audio_ms: int = 0
    characters: int = 0
    images: int = 0


NO_UNITS = Units()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and units with their source."""

    tokens: TokenUsage = TokenUsage()
    units: Units = NO_UNITS
    source: Source = Source.NONE


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One upstream call: `status` is None where no answer came, and `failure` then says why.

    `started_ms` is when it began, counted from the call's arrival; events before it was told have none.
    """

    deployment: str
    status: int | None
    failure: str | None
    duration_ms: int
    started_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds: from arrival to the upstream's first byte (None if none came), and to the end."""

    first_byte_ms: int | None
    total_ms: int


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who is charged: every event has a team and a key, which for an access token of Entra ID is its bearer."""

    team: str
    key: str
    cost_center: str | None = None
    principal_kind: str = "virtual_key"
    area: str | None = None
    application: str | None = None
    user: str | None = None
    client: str | None = None
    project: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """What is known of the run of calls that one belongs to: counts and digests, no word of what was said.

    `session` is a digest of the id that the client sent, with `source` the place it stood in; `previous` the response that this
    one continues. `turns` are the messages of people in the prompt, `tool_results` what tools answered in it, `tool_calls` what
    the answer asks of tools, `tools` how many were offered; None where nobody could tell. `agent` is the family of the client.
    """

    session: str | None = None
    source: str | None = None
    previous: str | None = None
    agent: str | None = None
    turns: int | None = None
    tools: int | None = None
    tool_results: int | None = None
    tool_calls: int | None = None


NO_TRACE = Trace()

_BUCKETS = tuple(field.name for field in fields(TokenUsage))
_ATTRIBUTES = tuple(field.name for field in fields(Attribution))


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """One call, reported once. The id is the request id, so a redelivered event is recognised.

    `requested_model` is what the caller asked for, `served_model` what the upstream says it was, `catalog_model` what the
    deployment is configured to be. `processing` says where the provider may process (global, data_zone, regional), `capacity` how
    that is paid (standard, provisioned, spillover). `tags` are the caller's own, for cost allocation.
    """

    id: str
    started_at: datetime
    endpoint: str
    attribution: Attribution
    status: int
    outcome: Outcome
    usage: Usage
    timings: Timings
    attempts: tuple[AttemptRecord, ...] = ()
    requested_model: str | None = None
    served_model: str | None = None
    deployment: str | None = None
    provider: str | None = None
    region: str | None = None
    service_tier: str | None = None
    streamed: bool = False
    error_code: str | None = None
    finish_reason: str | None = None
    object_id: str | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    shadow: tuple[str, ...] = ()
    downshifted_from: str | None = None
    catalog_model: str | None = None
    processing: str | None = None
    capacity: str = "standard"
    tags: Mapping[str, str] = field(default_factory=dict)
    trace: Trace = NO_TRACE

    def to_json(self) -> dict[str, object]:
        """Return the stored form: flat where it is queried, schema version 3."""
        tokens = {name: getattr(self.usage.tokens, name) for name in _BUCKETS}
        return {
            "schema": 3,
            "kind": "event",
            "id": self.id,
            "started_at": self.started_at.isoformat(timespec="milliseconds"),
            "endpoint": self.endpoint,
            "organization": ORGANIZATION,
            **{name: getattr(self.attribution, name) for name in _ATTRIBUTES},
            "status": self.status,
            "outcome": self.outcome.value,
            "tokens": tokens,
            "units": {name: getattr(self.usage.units, name) for name in ("audio_ms", "characters", "images")},
            "usage_source": self.usage.source.value,
            "estimated": self.usage.source is Source.ESTIMATED,
            "first_byte_ms": self.timings.first_byte_ms,
            "total_ms": self.timings.total_ms,
            "attempts": [asdict(attempt) for attempt in self.attempts],
            "requested_model": self.requested_model,
            "served_model": self.served_model,
            "deployment": self.deployment,
            "provider": self.provider,
            "region": self.region,
            "service_tier": self.service_tier,
            "streamed": self.streamed,
            "error_code": self.error_code,
            "finish_reason": self.finish_reason,
            "object_id": self.object_id,
            "request_bytes": self.request_bytes,
            "response_bytes": self.response_bytes,
            "shadow": list(self.shadow),
            "downshifted_from": self.downshifted_from,
            "catalog_model": self.catalog_model,
            "processing": self.processing,
            "capacity": self.capacity,
            "tags": dict(self.tags),
            "trace": {name: value for name, value in asdict(self.trace).items() if value is not None},
        }
