"""Step 1: who calls."""

from shared.gateway.call import Call, Caller
from shared.gateway.message import GatewayRequest
from shared.ids import new_id
from shared.runtime import Runtime


def identify(request: GatewayRequest, runtime: Runtime) -> Call:
    """Return a new call in the name of its caller. Raises KeyRefused: a call without a caller is nobody's, and no event."""
    key = runtime.keys.identify(request.headers)
    now = runtime.clock.now()
    return Call(
        id=new_id("req", now),
        started_at=now,
        started=runtime.clock.monotonic(),
        caller=Caller(key, runtime.teams[key.team]),
        method=request.method,
    )
