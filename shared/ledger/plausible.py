"""What a usage event must be like before anything is counted from it: right types, and no figure that cannot be true."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, create_model, model_validator

from shared.documents import Json
from shared.fields import Name
from shared.ledger.documents import RESERVED
from shared.ledger.model import Capacity
from shared.usage.model import Outcome, Source, TokenUsage, Units

EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
LEEWAY = timedelta(days=1)
"""How much the clock of another instance may be ahead."""

_MOST = 10**9
_DEEPEST = 8
"""Levels of lists and objects in a field that nobody here knows. Cosmos DB refuses a document of more than 128."""

_UNBILLED = (Source.NONE, Source.PENDING)

_Id = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7d]{1,300}$")]
_Count = Annotated[int, Field(ge=0, le=_MOST)]
_Text = Annotated[str, Field(max_length=2_000)] | None


class EventInvalid(ValueError):
    """A message that is not a usage event; it will not become one by trying again."""


class _Exact(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


def _counts(name: str, of: type) -> type[_Exact]:
    buckets: dict[str, Any] = {bucket: (_Count, 0) for bucket in of.__dataclass_fields__}  # type: ignore[attr-defined]
    return create_model(name, __base__=_Exact, **buckets)


_Tokens, _Units = _counts("_Tokens", TokenUsage), _counts("_Units", Units)


class _Trace(_Exact):
    model_config = ConfigDict(extra="allow")

    session: _Text = None
    tool_calls: _Count | None = None


class _Event(_Exact):
    """The fields that figures and cells are made of. Others may be there too."""

    model_config = ConfigDict(extra="allow")

    version: Literal[3] = Field(alias="schema")
    id: _Id
    started_at: Annotated[str, Field(max_length=40)]
    team: Name
    endpoint: Annotated[str, Field(max_length=200)]
    status: Annotated[int, Field(ge=0, le=999)]
    outcome: Annotated[Outcome, Field(strict=False)]
    usage_source: Annotated[Source, Field(strict=False)]
    tokens: _Tokens  # type: ignore[valid-type]
    units: _Units  # type: ignore[valid-type]
    total_ms: _Count
    first_byte_ms: _Count | None
    streamed: bool
    capacity: Annotated[Capacity, Field(strict=False)]
    attempts: list[dict[str, Any]]
    shadow: list[str]
    tags: dict[str, str]
    trace: _Trace
    area: _Text
    application: _Text
    user: _Text
    key: _Text
    principal_kind: _Text
    cost_center: _Text
    client: _Text
    project: _Text
    requested_model: _Text
    served_model: _Text
    catalog_model: _Text
    deployment: _Text
    provider: _Text
    processing: _Text
    service_tier: _Text
    error_code: _Text
    finish_reason: _Text

    @model_validator(mode="after")
    def _id_is_no_entry(self) -> Self:
        if self.id.startswith(RESERVED):
            raise ValueError("the id begins like one of the ledger's own")
        return self

    @model_validator(mode="after")
    def _counts_only_what_was_used(self) -> Self:
        used = (*self.tokens.__dict__.values(), *self.units.__dict__.values())  # type: ignore[attr-defined]
        if self.usage_source in _UNBILLED and any(used):
            raise ValueError("usage that is not billed, or not known yet, cannot have counts")
        return self


def checked(event: Mapping[str, object], now: datetime) -> Json:
    """Return an event of the newest schema as it is stored: its time in UTC. Raises EventInvalid, which never quotes the event."""
    try:
        valid = _Event.model_validate(event)
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, each['loc'])) or 'event'}: {each['msg']}" for each in error.errors()[:5])
        raise EventInvalid("; ".join(wrong)) from None
    if _is_deep([valid.model_extra, valid.attempts, valid.trace.model_extra], _DEEPEST + 2):
        raise EventInvalid(f"event: something in it is nested more than {_DEEPEST} levels deep")
    at = _moment(str(event["started_at"]))
    if not EARLIEST <= at < now + LEEWAY:
        raise EventInvalid("started_at: lies in the future, or before there was a gateway")
    return {**event, "kind": "event", "started_at": at.isoformat(timespec="milliseconds")}


def _is_deep(value: Any, left: int) -> bool:
    """Whether lists and objects stand in each other on more than `left` levels."""
    inside = [each for each in (value.values() if type(value) is dict else value) if type(each) in (dict, list)]
    return bool(inside) and (left == 1 or any(_is_deep(each, left - 1) for each in inside))


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise EventInvalid("started_at: is no moment with a time zone")
