"""Step 5: tries the plan's deployments in order until one answers; all before the caller has seen a byte."""

import asyncio
from collections import deque
from dataclasses import dataclass

from shared.errors import GatewayError, Unavailable, retry_headers
from shared.gateway.body import beside_others
from shared.gateway.call import Call
from shared.gateway.message import GatewayRequest
from shared.gateway.operation import OperationWriter
from shared.providers.model import Deployment, UpstreamRequest
from shared.providers.port import (
    ConnectFailed,
    CredentialUnavailable,
    FirstByteTimeout,
    SecretUnavailable,
    UpstreamFailure,
    UpstreamResponse,
)
from shared.routing.circuit import Circuit
from shared.routing.retry import RETRYABLE, asked_delay, backoff
from shared.runtime import Runtime
from shared.usage.model import AttemptRecord
from shared.wire.openai.endpoints import Kind

ERROR_LIMIT = 256 * 1024
THROTTLED = 429
MIN_WAIT_MS = 1000
"""While one call probes a deployment the others are told to wait at least this long."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An error answer that was read and put aside: it goes to the caller if no other target does better."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class UpstreamUnreachable(GatewayError):
    status, code = 502, "upstream_unreachable"

    def __init__(self) -> None:
        super().__init__("The upstream could not be reached or broke the connection.")


class UpstreamTimeout(GatewayError):
    status, code = 504, "upstream_timeout"

    def __init__(self) -> None:
        super().__init__(
            "The upstream did not begin to answer in time. For long work use stream=true or a background response."
        )


class UpstreamRefusedGateway(GatewayError):
    """The gateway's own identity was refused: an operator must mend it, no caller can."""

    status, code = 502, "upstream_auth_failed"

    def __init__(self) -> None:
        super().__init__("The upstream refused the gateway's identity. Tell your platform team.")


class CircuitOpen(Unavailable):
    code = "circuit_open"

    def __init__(self, retry_after_s: float) -> None:
        milliseconds = max(MIN_WAIT_MS, round(retry_after_s * 1000))
        super().__init__(
            "All deployments of this model are failing and are left alone for a moment.",
            headers=retry_headers(milliseconds),
        )


@dataclass(slots=True)
class _Try:
    """How one attempt ended: an answer to pass on, or an error with the wait after which the same target may be asked again."""

    response: UpstreamResponse | None = None
    stored: StoredAnswer | None = None
    error: GatewayError | None = None
    again_after: float | None = None


class Attempts:
    """The attempts of one call."""

    def __init__(self, call: Call, request: GatewayRequest, runtime: Runtime) -> None:
        self._call = call
        self._runtime = runtime
        self._writer = OperationWriter(call, request, runtime.router)
        self._renewed: set[str] = set()

    async def in_order(self) -> UpstreamResponse | StoredAnswer:
        """Return the first good answer or, with all targets spent, the last error answer. Raises GatewayError."""
        assert self._call.plan is not None
        rules = self._runtime.retry
        candidates = deque(self._available(self._call.plan.deployments))
        waits: dict[Deployment, float] = {}
        last, stored = _Try(), None
        for number in range(1, rules.attempts + 1):
            deployment = candidates.popleft()
            last = await self._try(deployment, number)
            if last.response is not None:
                return last.response
            stored = last.stored or stored
            if last.again_after is not None and last.again_after <= rules.max_wait_s:
                waits[deployment] = last.again_after
            if candidates:
                continue
            if not waits or number == rules.attempts:
                break
            deployment = min(waits, key=waits.__getitem__)
            await asyncio.sleep(waits.pop(deployment))
            candidates.append(deployment)
        if stored is not None:
            return stored
        raise last.error or UpstreamUnreachable()

    def _available(self, deployments: tuple[Deployment, ...]) -> list[Deployment]:
        """Leave out open circuits. Raises CircuitOpen where nothing else is left."""
        now = self._runtime.clock.monotonic()
        closed = [item for item in deployments if self._circuit(item).admits(now)]
        if not closed:
            raise CircuitOpen(min(self._circuit(item).opens_again_in(now) for item in deployments))
        return closed

    def _circuit(self, deployment: Deployment) -> Circuit:
        return self._runtime.router.circuit(deployment, self._call.model or "", self._call.endpoint.name)

    async def _try(self, deployment: Deployment, number: int) -> _Try:
        runtime, call = self._runtime, self._call
        circuit, started = self._circuit(deployment), runtime.clock.monotonic()
        if not circuit.admits(started):
            return _Try(error=CircuitOpen(circuit.opens_again_in(started)))
        circuit.begin(started)
        call.deployment = deployment.name
        try:
            response = await self._send(deployment)
        except UpstreamFailure as failure:
            circuit.failed(runtime.clock.monotonic())
            self._record(deployment, None, failure.kind, started)
            return self._failed(failure, backoff(runtime.retry, number))
        except (CredentialUnavailable, SecretUnavailable):
            circuit.abandoned()
            self._record(deployment, None, "credential", started)
            return _Try(
                error=Unavailable("The gateway could not obtain its own credential. Try again.", code="credential")
            )
        except BaseException:
            circuit.abandoned()
            raise
        self._record(deployment, response.status, None, started)
        return await self._judge(deployment, response, number)

    async def _judge(self, deployment: Deployment, response: UpstreamResponse, number: int) -> _Try:
        runtime, call = self._runtime, self._call
        circuit, now = self._circuit(deployment), runtime.clock.monotonic()
        if response.status in (401, 403):
            # What this identity may not do says nothing of the deployment's health.
            response.close()
            circuit.abandoned()
            return _Try(error=UpstreamRefusedGateway())
        if response.status not in RETRYABLE:
            circuit.succeeded()
            call.first_byte = now
            return _Try(response=response)
        delay = asked_delay(response.header, runtime.clock.now())
        if response.status == THROTTLED:
            circuit.throttled(now + (delay if delay is not None else backoff(runtime.retry, number)))
        else:
            circuit.failed(now)
        stored = await _put_aside(response)
        # A 500 is not repeated on the same target: one permanent fault would become a storm.
        repeatable = response.status == THROTTLED or (response.status == 503 and delay is not None)
        again = (delay if delay is not None else backoff(runtime.retry, number)) if repeatable else None
        return _Try(stored=stored, again_after=again)

    async def _send(self, deployment: Deployment) -> UpstreamResponse:
        credential = await self._credential(deployment)
        response = await self._ask(await self._write(deployment, credential))
        if response.status == 401 and deployment.name not in self._renewed:
            self._renewed.add(deployment.name)
            response.close()
            self._forget(deployment, credential)
            credential = await self._credential(deployment)
            response = await self._ask(await self._write(deployment, credential))
        return response

    async def _ask(self, request: UpstreamRequest) -> UpstreamResponse:
        """Send a request. Unless it never went out or was refused, it is in doubt what becomes of it, until its answer is read."""
        call = self._call
        before, call.is_in_doubt = (call.is_made, call.is_in_doubt), True
        call.is_made = True
        if call.asked is None:
            call.asked = self._runtime.clock.monotonic()
        try:
            response = await self._runtime.transport.send(request)
        except ConnectFailed:
            call.is_made, call.is_in_doubt = before
            raise
        if response.status >= 400:
            call.is_in_doubt = before[1]
        return response

    async def _credential(self, deployment: Deployment) -> str:
        runtime = self._runtime
        if not runtime.providers[deployment.provider].needs_token:
            return (await runtime.secrets.resolve(deployment.secret_ref or "")).reveal()
        cached = runtime.tokens.cached(deployment.scope, deployment.client_id)
        return cached or await runtime.tokens.bearer(deployment.scope, deployment.client_id)

    async def _write(self, deployment: Deployment, credential: str) -> UpstreamRequest:
        provider = self._runtime.providers[deployment.provider]
        operation = await beside_others(self._call.request_bytes, self._writer.write, provider, deployment)
        return provider.request(operation, deployment, self._call.model or "", credential)

    def _forget(self, deployment: Deployment, refused: str) -> None:
        if deployment.secret_ref:
            self._runtime.secrets.invalidate(deployment.secret_ref)
        else:
            self._runtime.tokens.invalidate(refused, deployment.scope, deployment.client_id)

    def _failed(self, failure: UpstreamFailure, wait: float) -> _Try:
        """A connection that failed or broke before the first byte, as stale ones do, may be tried again on the same target.

        Not where something would be made twice: once the request is out, nobody knows what became of it.
        """
        if isinstance(failure, FirstByteTimeout):
            return _Try(error=UpstreamTimeout())
        makes_twice = self._call.endpoint.creates is not None and self._call.endpoint.creates is not Kind.RESPONSE
        is_safe = isinstance(failure, ConnectFailed) or not makes_twice
        return _Try(error=UpstreamUnreachable(), again_after=wait if is_safe else None)

    def _record(self, deployment: Deployment, status: int | None, failure: str | None, started: float) -> None:
        duration = round((self._runtime.clock.monotonic() - started) * 1000)
        offset = round((started - self._call.started) * 1000)
        self._call.attempts.append(AttemptRecord(deployment.name, status, failure, duration, offset))


async def _put_aside(response: UpstreamResponse) -> StoredAnswer:
    try:
        body = await response.read(ERROR_LIMIT)
    except UpstreamFailure:
        body = b""
    finally:
        response.close()
    return StoredAnswer(response.status, response.headers, body)
