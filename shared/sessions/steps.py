"""Reads a stored usage event as one step of a run."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from shared.documents import Json
from shared.sessions.model import Step

_FOUND_OUT_LATER = "late_"
_WORKS = ("pr", "branch")


def step_of(event: Json, cost: int) -> Step | None:
    """Return the step that an event of the newest schema is, or None for what belongs to no run.

    That is what was refused or failed without using anything, and calls that generate nothing, such as reading a file.
    """
    body = cast("Mapping[str, Any]", event)
    trace, tokens = body["trace"], sum(body["tokens"].values())
    is_late = str(body["id"]).startswith(_FOUND_OUT_LATER)
    if not (tokens or (trace and body["status"] < 400)):
        return None
    return Step(
        id=body["id"],
        at=datetime.fromisoformat(body["started_at"]),
        duration_ms=body["total_ms"],
        user=body["user"],
        key=body["key"],
        application=body["application"],
        endpoint=body["endpoint"],
        model=body["catalog_model"] or body["requested_model"] or body["served_model"],
        session=trace.get("session"),
        source=trace.get("source"),
        previous=trace.get("previous"),
        object_id=body["object_id"],
        agent=trace.get("agent"),
        turns=trace.get("turns"),
        tools=trace.get("tools") or 0,
        tool_results=trace.get("tool_results") or 0,
        tool_calls=trace.get("tool_calls") or 0,
        tokens=tokens,
        cost=cost,
        work=next((f"{name}={body['tags'][name]}" for name in _WORKS if name in body["tags"]), None),
        is_late=is_late,
    )
