"""Step 1: who calls, and from where."""

from shared.gateway.call import Call
from shared.gateway.message import GatewayRequest
from shared.ids import new_id
from shared.runtime import Runtime
from shared.telemetry.traceparent import LONGEST


async def identify(request: GatewayRequest, runtime: Runtime) -> Call:
    """Return a new call in the name of its caller. Raises what Callers.identify does: without a caller there is no event."""
    now, started = runtime.clock.now(), runtime.clock.monotonic()
    caller = await runtime.callers.identify(request.headers, request.address)
    runtime.upkeep.touch()
    traceparent = request.headers.get("traceparent")
    return Call(
        id=new_id("req", now),
        started_at=now,
        started=started,
        caller=caller,
        method=request.method,
        traceparent=traceparent[:LONGEST] if traceparent else None,
    )
