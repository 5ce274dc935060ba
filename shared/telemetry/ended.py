"""A call that has come to its end, as telemetry is told of it: nothing of what was said is in it."""

from dataclasses import dataclass

from shared.usage.model import UsageEvent


@dataclass(slots=True)
class Ended:
    """Not frozen: one is made for every call, while its caller waits.

    `traceparent` is the caller's header as it came, `own_s` the gateway's own time before it first asked the upstream, in seconds,
    without that in which the caller sent his body (None: it did not ask), `settled_ms` when the call was settled, in milliseconds since
    it arrived, `limit` what had no room left (requests, tokens, calls, money). Late: the event only tells what a call before it used.
    """

    event: UsageEvent
    method: str = ""
    traceparent: str | None = None
    own_s: float | None = None
    settled_ms: int = 0
    limit: str | None = None
    is_late: bool = False
