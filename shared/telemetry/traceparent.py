"""W3C Trace Context: reads a caller's `traceparent`, and gives every call the ids of its spans.

https://www.w3.org/TR/trace-context-2/#traceparent-header
"""

import re
from dataclasses import dataclass
from hashlib import sha256

LONGEST = 56
"""Characters that are looked at: all of version 00, and the dash behind it by which later versions go on."""

_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-?)")


@dataclass(frozen=True, slots=True)
class Parent:
    """Where the caller is in a trace of his own. What he says of sampling is not kept: nobody decides on our costs but we."""

    trace_id: int
    span_id: int


def parent_of(header: str | None) -> Parent | None:
    """Return what the header says, read strictly; None for one that is missing or malformed. Longer than LONGEST need not be given."""
    found = _FORM.fullmatch(header[:LONGEST]) if header else None
    if found is None:
        return None
    version, trace_id, span_id, _, more = found.groups()
    if version == "ff" or (version == "00" and more):
        return None
    parent = Parent(int(trace_id, 16), int(span_id, 16))
    return parent if parent.trace_id and parent.span_id else None


def trace_id_of(call: str, header: str | None) -> int:
    """Return the trace that a call belongs to: its caller's, else one that follows from the call's own id."""
    parent = parent_of(header)
    return parent.trace_id if parent else int.from_bytes(sha256(call.encode()).digest()[:16]) or 1


def span_id_of(call: str, part: str) -> int:
    """Return the id of a part of a call, the same whoever asks."""
    return int.from_bytes(sha256(f"{call}/{part}".encode()).digest()[:8]) or 1
