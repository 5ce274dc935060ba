"""The trace of one call, told when it is over: the call itself, each attempt upstream, and its settlement.

Attributes follow OpenTelemetry's semantic conventions for HTTP and for generative AI; what has no name there begins with `tollgate.`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from shared.telemetry.calls import failure_of
from shared.telemetry.ended import Ended
from shared.telemetry.model import Span, SpanKind, Value
from shared.telemetry.sampling import is_kept
from shared.telemetry.traceparent import parent_of, span_id_of, trace_id_of
from shared.telemetry.vocabulary import (
    METERS,
    OTHER,
    ROUTES,
    Models,
    error_type_of,
    finish_reason_of,
    is_error,
    is_generation,
    operation_of,
    provider_of,
)
from shared.usage.model import AttemptRecord, UsageEvent

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


def call_spans(ended: Ended, models: Models, ratio: float) -> Iterator[Span]:
    """Yield the spans of a call, or none where its trace is not kept. Calls that failed by no fault of their caller always are."""
    event = ended.event
    if ended.is_late:
        return
    if is_error(event):
        ratio = 1.0
    elif not is_kept(trace_id_of(event.id, None), ratio):
        # By our own id, which nobody can choose: by a trace's, callers could have all of theirs kept, each as if it were ten.
        return
    trace = _Trace(ended, models, ratio)
    yield trace.server()
    for number, attempt in enumerate(event.attempts, 1):
        yield trace.attempt(attempt, number)
    yield trace.settlement()


class _Trace:
    """The spans of one call: they share its trace, its model and the ratio that it was kept with."""

    def __init__(self, ended: Ended, models: Models, ratio: float) -> None:
        event = ended.event
        self._ended, self._event, self._ratio = ended, event, ratio
        self._model, self._served = models.asked(event), models.served(event)
        self._parent = parent_of(ended.traceparent)
        self._trace_id = trace_id_of(event.id, ended.traceparent)
        self._server_id = span_id_of(event.id, "call")
        self._start_ns = (event.started_at - _EPOCH) // _MICROSECOND * 1000

    def server(self) -> Span:
        event = self._event
        name = operation_of(event.endpoint) if event.endpoint in METERS else OTHER
        return self._span(
            name if event.requested_model is None else f"{name} {self._model}",
            self._server_id,
            self._parent.span_id if self._parent else None,
            SpanKind.SERVER,
            (0, event.timings.total_ms),
            dict(self._server_attributes()),
            is_error(event),
        )

    def attempt(self, attempt: AttemptRecord, number: int) -> Span:
        event, failure = self._event, failure_of(attempt)
        attributes: dict[str, Value] = {"tollgate.deployment": attempt.deployment, "tollgate.attempt": number}
        if is_generation(event.endpoint):
            attributes |= self._asked()
        if attempt.status is not None:
            attributes["http.response.status_code"] = attempt.status
        if failure is not None or (attempt.status or 0) >= 400:
            attributes["error.type"] = failure or str(attempt.status)
        start = attempt.started_ms or 0
        return self._span(
            f"{operation_of(event.endpoint)} {attempt.deployment}",
            span_id_of(event.id, f"attempt{number}"),
            self._server_id,
            SpanKind.CLIENT,
            (start, start + attempt.duration_ms),
            attributes,
            failure is not None,
        )

    def settlement(self) -> Span:
        event = self._event
        attributes: dict[str, Value] = {
            "tollgate.outcome": event.outcome.value,
            "tollgate.usage.source": event.usage.source.value,
        }
        end = max(event.timings.total_ms, self._ended.settled_ms)
        own_id = span_id_of(event.id, "settle")
        interval = event.timings.total_ms, end
        return self._span("settle", own_id, self._server_id, SpanKind.INTERNAL, interval, attributes, False)

    def _span(
        self,
        name: str,
        own_id: int,
        parent_id: int | None,
        kind: SpanKind,
        interval_ms: tuple[int, int],
        attributes: dict[str, Value],
        is_error: bool,
    ) -> Span:
        start, end = (self._start_ns + offset * 1_000_000 for offset in interval_ms)
        return Span(self._trace_id, own_id, parent_id, name, kind, start, end, attributes, is_error, self._ratio)

    def _asked(self) -> dict[str, Value]:
        event = self._event
        return {
            "gen_ai.operation.name": operation_of(event.endpoint),
            "gen_ai.provider.name": provider_of(event),
            "gen_ai.request.model": self._model,
        }

    def _server_attributes(self) -> Iterator[tuple[str, Value]]:
        ended, event = self._ended, self._event
        yield "http.request.method", ended.method if ended.method in _METHODS else "_OTHER"
        yield "http.response.status_code", event.status
        if route := ROUTES.get(event.endpoint):
            yield "http.route", route
        yield from _own(event)
        if ended.own_s is not None:
            yield "tollgate.overhead_ms", round(ended.own_s * 1000, 3)
        if (error := error_type_of(event)) is not None:
            yield "error.type", error
        if is_generation(event.endpoint):
            yield from self._gen_ai()

    def _gen_ai(self) -> Iterator[tuple[str, Value]]:
        event, tokens = self._event, self._event.usage.tokens
        yield from self._asked().items()
        if event.served_model:
            yield "gen_ai.response.model", self._served
        yield "gen_ai.usage.input_tokens", tokens.input
        yield "gen_ai.usage.output_tokens", tokens.output
        if (reason := finish_reason_of(event)) is not None:
            yield "gen_ai.response.finish_reasons", reason


def _own(event: UsageEvent) -> Iterator[tuple[str, Value]]:
    yield "tollgate.request_id", event.id
    yield "tollgate.endpoint", event.endpoint
    yield "tollgate.outcome", event.outcome.value
    yield "tollgate.streamed", event.streamed
    yield "tollgate.attempts", len(event.attempts)
    yield "tollgate.team", event.attribution.team
    if event.attribution.principal_kind == "virtual_key":
        yield "tollgate.key", event.attribution.key
    if event.deployment is not None:
        yield "tollgate.deployment", event.deployment
    if event.timings.first_byte_ms is not None:
        yield "tollgate.first_byte_ms", event.timings.first_byte_ms
