"""Step 5: tries the plan's deployments in order until one answers; all before the caller has seen a byte."""

import asyncio
from collections import deque
from dataclasses import dataclass

from shared.errors import GatewayError, Unavailable
from shared.gateway.call import Call
from shared.gateway.message import GatewayRequest
from shared.gateway.operation import OperationWriter
from shared.providers.model import Deployment, UpstreamRequest
from shared.providers.port import (
    CredentialUnavailable,
    FirstByteTimeout,
    SecretUnavailable,
    UpstreamFailure,
    UpstreamResponse,
)
from shared.routing.retry import RETRYABLE, asked_delay, backoff
from shared.runtime import Runtime
from shared.usage.model import AttemptRecord

ERROR_LIMIT = 256 * 1024
THROTTLED = 429


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
        milliseconds = max(1, round(retry_after_s * 1000))
        headers = {"retry-after-ms": str(milliseconds), "retry-after": str(-(-milliseconds // 1000))}
        super().__init__("All deployments of this model are failing and are left alone for a moment.", headers=headers)


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
        self._writer = OperationWriter(call, request)
        self._renewed: set[str] = set()

    async def in_order(self) -> UpstreamResponse | StoredAnswer:
        """Return the first good answer or, with all targets spent, the last error answer. Raises GatewayError."""
        assert self._call.plan is not None
        rules = self._runtime.retry
        candidates = deque(self._available(self._call.plan.deployments))
        waits: dict[Deployment, float] = {}
        last = _Try()
        for number in range(1, rules.attempts + 1):
            deployment = candidates.popleft()
            last = await self._try(deployment, number)
            if last.response is not None:
                return last.response
            if last.again_after is not None and last.again_after <= rules.max_wait_s:
                waits[deployment] = last.again_after
            if candidates:
                continue
            if not waits or number == rules.attempts:
                break
            deployment = min(waits, key=waits.__getitem__)
            await asyncio.sleep(waits.pop(deployment))
            candidates.append(deployment)
        if last.stored is not None:
            return last.stored
        raise last.error or UpstreamUnreachable()

    def _available(self, deployments: tuple[Deployment, ...]) -> list[Deployment]:
        """Leave out open circuits. Raises CircuitOpen where nothing else is left."""
        router, now = self._runtime.router, self._runtime.clock.monotonic()
        closed = [item for item in deployments if router.circuit(item.name).admits(now)]
        if not closed:
            raise CircuitOpen(min(router.circuit(item.name).opens_again_in(now) for item in deployments))
        return closed

    async def _try(self, deployment: Deployment, number: int) -> _Try:
        runtime, call = self._runtime, self._call
        circuit, started = runtime.router.circuit(deployment.name), runtime.clock.monotonic()
        circuit.begin(started)
        call.deployment = deployment.name
        try:
            response = await self._send(deployment)
        except UpstreamFailure as failure:
            circuit.failed(runtime.clock.monotonic())
            self._record(deployment, None, failure.kind, started)
            return _failed(failure, backoff(runtime.retry, number))
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
        circuit, now = runtime.router.circuit(deployment.name), runtime.clock.monotonic()
        if response.status in (401, 403):
            response.close()
            circuit.failed(now)
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
        response = await self._runtime.transport.send(await self._write(deployment))
        if response.status == 401 and deployment.name not in self._renewed:
            self._renewed.add(deployment.name)
            response.close()
            self._forget_credential(deployment)
            response = await self._runtime.transport.send(await self._write(deployment))
        return response

    async def _write(self, deployment: Deployment) -> UpstreamRequest:
        provider = self._runtime.providers[deployment.provider]
        if not provider.needs_token:
            credential = (await self._runtime.secrets.resolve(deployment.secret_ref or "")).reveal()
        else:
            tokens = self._runtime.tokens
            cached = tokens.cached(deployment.scope, deployment.client_id)
            credential = cached or await tokens.bearer(deployment.scope, deployment.client_id)
        operation = self._writer.write(provider, deployment)
        return provider.request(operation, deployment, self._call.model or "", credential)

    def _forget_credential(self, deployment: Deployment) -> None:
        if deployment.secret_ref:
            self._runtime.secrets.invalidate(deployment.secret_ref)
        else:
            self._runtime.tokens.invalidate(deployment.scope, deployment.client_id)

    def _record(self, deployment: Deployment, status: int | None, failure: str | None, started: float) -> None:
        duration = round((self._runtime.clock.monotonic() - started) * 1000)
        self._call.attempts.append(AttemptRecord(deployment.name, status, failure, duration))


def _failed(failure: UpstreamFailure, wait: float) -> _Try:
    """A connection that failed or broke before the first byte, as stale ones do, may be tried again on the same target."""
    if isinstance(failure, FirstByteTimeout):
        return _Try(error=UpstreamTimeout())
    return _Try(error=UpstreamUnreachable(), again_after=wait)


async def _put_aside(response: UpstreamResponse) -> StoredAnswer:
    try:
        body = await response.read(ERROR_LIMIT)
    except UpstreamFailure:
        body = b""
    finally:
        response.close()
    return StoredAnswer(response.status, response.headers, body)
