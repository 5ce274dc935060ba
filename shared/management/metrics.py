"""GET /metrics: all that this instance has counted, as Prometheus reads it. For operators and auditors."""

from collections.abc import Mapping
from typing import Protocol

from shared.callers.model import Caller
from shared.clock import Clock
from shared.errors import GatewayError
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.ids import new_id
from shared.management.authority import READERS
from shared.management.problems import Absent, Forbidden, Problem, Unreachable, problem_of


class People(Protocol):
    async def identify(self, headers: Mapping[str, str], peer: str) -> Caller: ...


class Telemetry(Protocol):
    async def exposition(self) -> tuple[bytes, str] | None: ...


async def answer_metrics(
    request: GatewayRequest, people: People, telemetry: Telemetry, clock: Clock, *, is_kept: bool
) -> GatewayResponse:
    """Answer with the text. Where none is kept, the address does not exist, whoever asks."""
    try:
        text, media_type = await _text(request, people, telemetry, is_kept=is_kept)
    except (Problem, GatewayError) as error:
        return problem_of(error, new_id("req", clock.now()))
    return GatewayResponse(200, [("content-type", media_type), ("cache-control", "no-store")], text)


async def _text(request: GatewayRequest, people: People, telemetry: Telemetry, *, is_kept: bool) -> tuple[bytes, str]:
    """Raises Problem and GatewayError."""
    if not is_kept:
        raise Absent("This gateway keeps no metrics for Prometheus.")
    caller = await people.identify(request.headers, request.address)
    if caller.role not in READERS:
        raise Forbidden(f"Your role, {caller.role}, does not allow this.")
    try:
        kept = await telemetry.exposition()
    except TimeoutError:
        raise Unreachable from None
    if kept is None:
        raise Absent("This gateway keeps no metrics for Prometheus.")
    return kept
