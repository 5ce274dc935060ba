"""What one call adds to the figures."""

from collections.abc import Iterator, Mapping
from dataclasses import fields

from shared.telemetry import instruments
from shared.telemetry.ended import Ended
from shared.telemetry.model import Point, Value
from shared.telemetry.vocabulary import (
    ERROR_CODES,
    NONE,
    OTHER,
    Models,
    error_code_of,
    error_type_of,
    is_generation,
    operation_of,
    provider_of,
)
from shared.usage.model import AttemptRecord, Outcome, TokenUsage, UsageEvent

_BUCKETS = tuple(field.name for field in fields(TokenUsage))
_THROTTLED = 429
_BAD = frozenset({401, 403, 408})
_BUDGET_CODES = frozenset({"insufficient_quota", "budget_reserved"})
_KINDS = frozenset({"failed", "connect", "first_byte_timeout", "idle_timeout", "connection_lost", "credential"})


def call_points(ended: Ended, models: Models, capacities: Mapping[str, str]) -> Iterator[Point]:
    """Yield what a call adds. `capacities` says of every deployment how its capacity is paid."""
    event, model = ended.event, models.asked(ended.event)
    yield from _usage_points(event, model)
    if (event.attempts or ended.is_late) and is_generation(event.endpoint):
        yield from _gen_ai_points(ended, model, models.served(event))
    if ended.is_late:
        return
    deployment = event.deployment or NONE
    yield Point(
        instruments.REQUESTS,
        1,
        {
            "endpoint": event.endpoint,
            "model": model,
            "deployment": deployment,
            "status": event.status,
            "outcome": event.outcome.value,
            "error_code": error_code_of(event),
        },
    )
    yield from _time_points(ended, model, deployment)
    yield from _throttle_points(ended, capacities)


def unknown_caller(status: int, code: str | None) -> Mapping[str, Value]:
    """Return what `REQUESTS` is divided by for a call that ended before anybody knew whose it is: a wrong key, or an outage of ours."""
    return {
        "endpoint": NONE,
        "model": NONE,
        "deployment": NONE,
        "status": status,
        "outcome": Outcome.REFUSED.value,
        "error_code": code if code in ERROR_CODES else OTHER if code else NONE,
    }


def cost_point(event: UsageEvent, models: Models, cost: float, currency: str) -> Point:
    """Return what a call cost; `cost` is in units of the currency, and for curves only: the ledger has it exactly."""
    attributes = {"model": models.asked(event), "deployment": event.deployment or NONE, "currency": currency}
    return Point(instruments.COST, cost, attributes)


def _usage_points(event: UsageEvent, model: str) -> Iterator[Point]:
    deployment, tokens = event.deployment or NONE, event.usage.tokens
    for bucket in _BUCKETS:
        if count := getattr(tokens, bucket):
            yield Point(instruments.TOKENS, count, {"model": model, "deployment": deployment, "bucket": bucket})


def _time_points(ended: Ended, model: str, deployment: str) -> Iterator[Point]:
    event = ended.event
    endpoint, timings = event.endpoint, event.timings
    yield Point(
        instruments.REQUEST_DURATION,
        timings.total_ms / 1000,
        {"endpoint": endpoint, "model": model, "streamed": event.streamed},
    )
    if timings.first_byte_ms is not None:
        attributes: dict[str, Value] = {"endpoint": endpoint, "model": model, "deployment": deployment}
        yield Point(instruments.FIRST_BYTE, timings.first_byte_ms / 1000, attributes)
    if ended.own_s is not None:
        yield Point(instruments.OVERHEAD, ended.own_s, {"endpoint": endpoint})


def _throttle_points(ended: Ended, capacities: Mapping[str, str]) -> Iterator[Point]:
    event = ended.event
    if event.status == _THROTTLED and not event.attempts:
        yield Point(instruments.THROTTLED, 1, {"kind": _own_kind(ended), "deployment": NONE})
    for attempt in event.attempts:
        if attempt.status == _THROTTLED:
            is_reserved = capacities.get(attempt.deployment) == "provisioned"
            kind = "upstream_capacity" if is_reserved else "upstream_rate"
            yield Point(instruments.THROTTLED, 1, {"kind": kind, "deployment": attempt.deployment})
        elif failure := failure_of(attempt):
            yield Point(instruments.UPSTREAM_FAILURES, 1, {"deployment": attempt.deployment, "kind": failure})


def _own_kind(ended: Ended) -> str:
    if ended.event.error_code in _BUDGET_CODES:
        return "budget"
    return "concurrency" if ended.limit == "calls" else "own_limit"


def failure_of(attempt: AttemptRecord) -> str | None:
    """Return why an attempt brought no good answer; None where it did, or where only the caller was at fault."""
    if attempt.status is None:
        return attempt.failure if attempt.failure in _KINDS else OTHER
    return f"http_{attempt.status}" if attempt.status >= 500 or attempt.status in _BAD else None


def _gen_ai_points(ended: Ended, model: str, served: str) -> Iterator[Point]:
    event = ended.event
    shared: dict[str, Value] = {
        "gen_ai.operation.name": operation_of(event.endpoint),
        "gen_ai.provider.name": provider_of(event),
        "gen_ai.request.model": model,
        "gen_ai.response.model": served,
    }
    if not ended.is_late:
        error = error_type_of(event)
        failed = {} if error is None else {"error.type": error}
        yield Point(instruments.OPERATION_DURATION, event.timings.total_ms / 1000, shared | failed)
    tokens = event.usage.tokens
    for kind, count in (("input", tokens.input), ("output", tokens.output)):
        if count:
            yield Point(instruments.TOKEN_USAGE, count, shared | {"gen_ai.token.type": kind})
