"""Turns a usage event and what it costs into the entry that is posted for it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from operator import itemgetter

from shared.catalog.model import Charge, Unpriced
from shared.documents import Json
from shared.ledger.documents import entry_id
from shared.ledger.latency import bin_of
from shared.ledger.model import MOST_TAGS, Capacity, Dimensions, Entry, EntryType, Sums
from shared.usage.model import Outcome, Source

LATE = "late"
"""The reason of an adjustment that is the use of a period that was locked already."""

LONGEST = 200
_NAMED = {
    "area": "area",
    "application": "application",
    "user": "user",
    "key": "key",
    "cost_center": "cost_center",
    "client": "client",
    "project": "project",
    "endpoint": "endpoint",
    "deployment": "deployment",
    "provider": "provider",
    "processing": "region",
}
"""Which fields of an event are dimensions as they stand."""

_named = itemgetter("team", *_NAMED)
_FOUND_OUT_LATER = "late_"
"""What ids of events begin with that tell what an earlier call has used: they are no call of their own."""

_CREATES_BATCH = "batches.create"
_FAILED_FROM = 400
"""A call with such a status has begun nothing that goes on."""

_RATE_LIMITED = 429
_CONTENT_FILTER = frozenset({"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"})
_CLASSES = {
    Outcome.REFUSED: "refused",
    Outcome.UPSTREAM_ERROR: "upstream",
    Outcome.STREAM_CUT: "cut",
    Outcome.CLIENT_GONE: "client_gone",
    Outcome.FAILED: "failed",
}
_UNBILLED = (Source.NONE, Source.PENDING)


def entry_of(
    event: Json,
    rating: Charge | Unpriced,
    now: datetime,
    *,
    is_locked: bool = False,
    tier: str | None = None,
    saved_downshift: int = 0,
) -> Entry:
    """Return the usage entry of a valid event of the newest schema; for a locked period it is an adjustment.

    `tier` is what the event's service tier means in the price book, where anybody knows; `saved_downshift` what the model that was
    asked for would have cost more, in nano-units. What nobody bills, or nobody knows yet, costs nothing and is not unpriced.
    """
    if event["usage_source"] in _UNBILLED:
        rating = Charge(0, "")
    priced = rating if isinstance(rating, Charge) else None
    kind = EntryType.ADJUSTMENT if is_locked else EntryType.USAGE
    return Entry(
        id=entry_id(str(event["id"])),
        at=datetime.fromisoformat(str(event["started_at"])),
        posted_at=now,
        dimensions=_dimensions(event, kind, priced.currency if priced else "USD", tier),
        sums=_sums(event, priced, saved_downshift),
        event=str(event["id"]),
        cost=priced.cost if priced else None,
        lines={name: nanos for name, nanos in priced.lines.items() if nanos} if priced else {},
        price=priced.price or None if priced else None,
        tags=_tags(event),
        session=_text(_part(event, "trace").get("session")),
        reason=LATE if is_locked else None,
        unpriced=rating.buckets if isinstance(rating, Unpriced) else (),
    )


def _dimensions(event: Json, kind: EntryType, currency: str, tier: str | None) -> Dimensions:
    """Who calls goes on calling, so the same dimensions are made once."""
    tier = tier or _text(event["service_tier"]) or "default"
    return _made(kind, currency, tier, str(event["capacity"]), _model(event), *_named(event))


@lru_cache(maxsize=5_000)
def _made(
    kind: EntryType, currency: str, tier: str, capacity: str, model: str | None, *named: str | None
) -> Dimensions:
    team, *others = named
    texts = {name: _text(value) for name, value in zip(_NAMED.values(), others, strict=True)}
    return Dimensions(
        team or "", kind, currency, model=model, tier=tier[:LONGEST], capacity=Capacity(capacity), **texts
    )


def _model(event: Json) -> str | None:
    """What a caller asks for can be any text: it is a model only where a deployment was found that serves it."""
    asked = event["requested_model"] if event["deployment"] else None
    return _text(event["catalog_model"] or event["served_model"] or asked)


def _sums(event: Json, charge: Charge | None, saved_downshift: int) -> Sums:
    sums = {
        "requests": int(not str(event["id"]).startswith(_FOUND_OUT_LATER)),
        "streamed": int(event["streamed"] is True),
        "estimated": int(event["usage_source"] == Source.ESTIMATED),
        "pending": _pending(event),
        "shadow": int(bool(event["shadow"])),
        "tool_calls": _number(_part(event, "trace").get("tool_calls")),
        "saved.cache": charge.saved_cache if charge else 0,
        "saved.tier": charge.saved_tier if charge else 0,
        "saved.downshift": saved_downshift,
    }
    sums |= {f"tokens.{name}": _number(count) for name, count in _part(event, "tokens").items()}
    sums |= {f"units.{name}": _number(count) for name, count in _part(event, "units").items()}
    sums |= {f"errors.{name}": 1 for name in _error_class(event)}
    sums |= {f"{name}.{bin}": 1 for name, bin in _bins(event)}
    return {name: number for name, number in sums.items() if number}


def _pending(event: Json) -> int:
    """What is found out later takes away what its first event counted: both are in the same partition."""
    if event["usage_source"] == Source.PENDING or _begins_batch(event):
        return 1
    return -int(str(event["id"]).startswith(_FOUND_OUT_LATER))


def _begins_batch(event: Json) -> bool:
    """Whether the call has begun a batch that is asked for until it is settled: just as provisions are made of events."""
    is_begun = event["endpoint"] == _CREATES_BATCH and _number(event["status"]) < _FAILED_FROM
    return is_begun and bool(_text(event.get("object_id")))


def _error_class(event: Json) -> Iterator[str]:
    outcome = Outcome(str(event["outcome"]))
    if event["error_code"] in _CONTENT_FILTER or event["finish_reason"] in _CONTENT_FILTER:
        yield "content_filter"
    elif event["status"] == _RATE_LIMITED:
        yield "rate_limited"
    elif outcome is not Outcome.COMPLETED:
        yield _CLASSES[outcome]


def _bins(event: Json) -> Iterator[tuple[str, int]]:
    """Return the bins of the times of a call that was passed on; a refusal takes no time, and what was found out later none."""
    if not event["attempts"]:
        return
    yield "latency", bin_of(_number(event["total_ms"]))
    if event["first_byte_ms"] is not None:
        yield "first_byte", bin_of(_number(event["first_byte_ms"]))


def _tags(event: Json) -> tuple[str, ...]:
    tags = sorted(f"{name}={value}"[:LONGEST] for name, value in _part(event, "tags").items())
    return tuple(dict.fromkeys(tags))[:MOST_TAGS]


def _part(event: Json, name: str) -> Mapping[str, object]:
    part = event[name]
    return part if isinstance(part, Mapping) else {}


def _number(value: object) -> int:
    return value if type(value) is int else 0


def _text(value: object) -> str | None:
    return value[:LONGEST] if isinstance(value, str) and value else None
