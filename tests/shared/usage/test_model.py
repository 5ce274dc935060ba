"""A usage event is complete, and can be stored as it is."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from shared.usage.model import (
    NO_USAGE,
    AttemptRecord,
    Attribution,
    Outcome,
    Source,
    Timings,
    TokenUsage,
    Trace,
    Units,
    Usage,
    UsageEvent,
)

EVENT = UsageEvent(
    id="req_1",
    started_at=datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    endpoint="chat.completions",
    attribution=Attribution(
        "research",
        "vk_1",
        "4711",
        "entra",
        area="retail",
        application="crawler",
        user="ada",
        client="acme",
        project="apollo",
    ),
    status=200,
    outcome=Outcome.COMPLETED,
    usage=Usage(TokenUsage(1, 2, 3, 4, 5, 6, 7, 8, 9), Units(10, 11, 12), Source.PROVIDER),
    timings=Timings(13, 14),
    attempts=(AttemptRecord("east", None, "connect", 15), AttemptRecord("west", 200, None, 16, 15)),
    requested_model="gpt-4o",
    served_model="gpt-4o-2024-11-20",
    deployment="west",
    provider="azure_openai",
    region="westus",
    service_tier="default",
    streamed=True,
    error_code="none",
    finish_reason="stop",
    object_id="chatcmpl-1",
    request_bytes=17,
    response_bytes=18,
    shadow=("pol_a: models",),
    downshifted_from="gpt-5",
    catalog_model="gpt-4o",
    processing="data_zone",
    capacity="spillover",
    tags={"pr": "acme/shop#7"},
    trace=Trace("5e551d", "codex", "resp_0", "codex", 1, 2, 3, 4),
)


def stored(event: UsageEvent) -> dict[str, Any]:
    parsed: dict[str, Any] = orjson.loads(orjson.dumps(event.to_json()))
    return parsed


def test_the_stored_form_is_json_and_loses_nothing() -> None:
    assert stored(EVENT) == {
        "schema": 3,
        "kind": "event",
        "id": "req_1",
        "started_at": "2026-01-31T23:59:59.999+00:00",
        "endpoint": "chat.completions",
        "organization": "organization",
        "area": "retail",
        "team": "research",
        "application": "crawler",
        "user": "ada",
        "key": "vk_1",
        "principal_kind": "entra",
        "cost_center": "4711",
        "client": "acme",
        "project": "apollo",
        "status": 200,
        "outcome": "completed",
        "tokens": dict(zip((field.name for field in fields(TokenUsage)), range(1, 10), strict=True)),
        "units": {"audio_ms": 10, "characters": 11, "images": 12},
        "usage_source": "provider",
        "estimated": False,
        "first_byte_ms": 13,
        "total_ms": 14,
        "attempts": [
            {"deployment": "east", "status": None, "failure": "connect", "duration_ms": 15, "started_ms": None},
            {"deployment": "west", "status": 200, "failure": None, "duration_ms": 16, "started_ms": 15},
        ],
        "requested_model": "gpt-4o",
        "served_model": "gpt-4o-2024-11-20",
        "deployment": "west",
        "provider": "azure_openai",
        "region": "westus",
        "service_tier": "default",
        "streamed": True,
        "error_code": "none",
        "finish_reason": "stop",
        "object_id": "chatcmpl-1",
        "request_bytes": 17,
        "response_bytes": 18,
        "shadow": ["pol_a: models"],
        "downshifted_from": "gpt-5",
        "catalog_model": "gpt-4o",
        "processing": "data_zone",
        "capacity": "spillover",
        "tags": {"pr": "acme/shop#7"},
        "trace": {
            "session": "5e551d",
            "source": "codex",
            "previous": "resp_0",
            "agent": "codex",
            "turns": 1,
            "tools": 2,
            "tool_results": 3,
            "tool_calls": 4,
        },
    }


def test_every_field_of_the_event_is_in_its_stored_form() -> None:
    grouped = {"attribution", "timings", "usage"}

    assert {field.name for field in fields(UsageEvent)} - grouped <= stored(EVENT).keys()
    assert stored(EVENT)["units"].keys() == {field.name for field in fields(Units)}


@pytest.mark.parametrize("source", list(Source))
def test_only_an_estimate_is_marked_as_one(source: Source) -> None:
    event = UsageEvent(
        "req_2",
        EVENT.started_at,
        "files.list",
        Attribution("t", "k"),
        200,
        Outcome.COMPLETED,
        Usage(source=source),
        Timings(None, 1),
    )

    assert stored(event)["estimated"] is (source is Source.ESTIMATED)
    assert stored(event)["first_byte_ms"] is None


def test_no_usage_is_nothing_from_nobody() -> None:
    assert (NO_USAGE.tokens.input, NO_USAGE.tokens.output, NO_USAGE.source) == (0, 0, Source.NONE)
