"""One line for each call: from an allow-list of fields, and never a word of what was said."""

import orjson

from shared.telemetry.traceparent import trace_id_of
from shared.telemetry.vocabulary import OTHER, Models, error_code_of, is_name
from shared.usage.model import UsageEvent


def text_line(event: UsageEvent) -> str:
    """Return a line for people, with the model as the caller wrote it, unless that is no name at all."""
    tokens, asked = event.usage.tokens, event.requested_model
    model = "-" if not asked else asked if is_name(asked) else OTHER
    return (
        f"{event.status} {event.endpoint} {model} → {event.deployment or '-'} in {event.timings.total_ms} ms, "
        f"{len(event.attempts)} attempt(s), {tokens.input}+{tokens.output} tokens, team {event.attribution.team}"
    )


def json_line(event: UsageEvent, models: Models, traceparent: str | None) -> str:
    """Return a line for machines: one JSON object. A person who calls with an access token is not named."""
    attribution, tokens, timings = event.attribution, event.usage.tokens, event.timings
    fields = {
        "request_id": event.id,
        "trace_id": f"{trace_id_of(event.id, traceparent):032x}",
        "at": event.started_at.isoformat(timespec="milliseconds"),
        "endpoint": event.endpoint,
        "model": models.asked(event),
        "deployment": event.deployment,
        "status": event.status,
        "outcome": event.outcome.value,
        "error_code": error_code_of(event) if event.error_code else None,
        "ms": timings.total_ms,
        "first_byte_ms": timings.first_byte_ms,
        "attempts": len(event.attempts),
        "streamed": event.streamed,
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "usage_source": event.usage.source.value,
        "team": attribution.team,
        "key": attribution.key if attribution.principal_kind == "virtual_key" else None,
    }
    return orjson.dumps(fields).decode()
