"""Reads a response or a batch upstream under the gateway's own identity, on nobody's behalf."""

from shared.gateway.call import Json
from shared.gateway.watch import parse_tolerantly
from shared.providers.base import Operation
from shared.providers.model import Deployment
from shared.providers.port import UpstreamResponse
from shared.runtime import Runtime
from shared.wire.openai.endpoints import ENDPOINTS, Kind

LIMIT = 64 * 1024 * 1024
"""Of an answer: a response repeats what it was asked, pictures included."""

_RETRIEVE = {
    endpoint.owned: endpoint for endpoint in ENDPOINTS if endpoint.name in ("responses.retrieve", "batches.retrieve")
}
_OK, _UNAUTHORIZED = 200, 401
GONE = frozenset({404, 410})


async def read_object(runtime: Runtime, kind: Kind, object_id: str, deployment: Deployment) -> tuple[int, Json | None]:
    """Return the status and, where it is 200, the object. Raises UpstreamFailure, CredentialUnavailable and SecretUnavailable."""
    response = await _ask(runtime, kind, object_id, deployment)
    if response.status == _UNAUTHORIZED:
        response.close()
        await _renew(runtime, deployment)
        response = await _ask(runtime, kind, object_id, deployment)
    try:
        if response.status != _OK:
            return response.status, None
        return _OK, parse_tolerantly(await response.read(LIMIT))
    finally:
        response.close()


async def _ask(runtime: Runtime, kind: Kind, object_id: str, deployment: Deployment) -> UpstreamResponse:
    endpoint, provider = _RETRIEVE[kind], runtime.providers[deployment.provider]
    operation = Operation(endpoint, "GET", endpoint.path.replace("{id}", object_id), "", (), None)
    request = provider.request(operation, deployment, "", await _credential(runtime, deployment))
    return await runtime.transport.send(request)


async def _credential(runtime: Runtime, deployment: Deployment) -> str:
    if not runtime.providers[deployment.provider].needs_token:
        return (await runtime.secrets.resolve(deployment.secret_ref or "")).reveal()
    return await runtime.tokens.bearer(deployment.scope, deployment.client_id)


async def _renew(runtime: Runtime, deployment: Deployment) -> None:
    """Forget the credential that was refused."""
    if deployment.secret_ref:
        runtime.secrets.invalidate(deployment.secret_ref)
    else:
        refused = await runtime.tokens.bearer(deployment.scope, deployment.client_id)
        runtime.tokens.invalidate(refused, deployment.scope, deployment.client_id)
