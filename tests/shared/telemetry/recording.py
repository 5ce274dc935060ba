"""A recorder that only remembers, and calls to tell it of."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shared.telemetry.ended import Ended
from shared.telemetry.model import Point, Span
from shared.usage.model import (
    AttemptRecord,
    Attribution,
    Outcome,
    Source,
    Timings,
    TokenUsage,
    Usage,
    UsageEvent,
)

AT = datetime(2026, 11, 2, 10, 0, 0, 250_000, tzinfo=UTC)
START_NS = 1_793_613_600_250_000_000

EVENT = UsageEvent(
    id="req_1",
    started_at=AT,
    endpoint="chat.completions",
    attribution=Attribution(team="research", key="vk_1"),
    status=200,
    outcome=Outcome.COMPLETED,
    usage=Usage(TokenUsage(input_fresh=9, input_cached=3, output_text=2), source=Source.PROVIDER),
    timings=Timings(120, 300),
    attempts=(AttemptRecord("east", None, "connect", 15, 4), AttemptRecord("west", 200, None, 80, 40)),
    requested_model="gpt-4o",
    served_model="gpt-4o-2024-11-20",
    catalog_model="gpt-4o",
    deployment="west",
    provider="azure_openai",
    streamed=True,
    finish_reason="stop",
)


def ended(
    *, traceparent: str | None = None, own_s: float | None = 0.004, limit: str | None = None, **event: Any
) -> Ended:
    return Ended(replace(EVENT, **event), "POST", traceparent, own_s, 305, limit)


class MemoryRecorder:
    """The Recorder port."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.spans: list[Span] = []
        self.is_closed = False

    def record(self, points: Sequence[Point]) -> None:
        self.points += points

    def export(self, spans: Sequence[Span]) -> None:
        self.spans += spans

    def exposition(self) -> tuple[bytes, str] | None:
        return f"{len(self.points)} points".encode(), "text/plain"

    def close(self) -> None:
        self.is_closed = True

    def of(self, name: str) -> list[tuple[float, dict[str, Any]]]:
        """The values of one instrument, with what they are divided by."""
        return [(point.value, dict(point.attributes)) for point in self.points if point.instrument.name == name]
