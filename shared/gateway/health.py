"""Whether this instance can serve: its state can be read and it can get a token for every upstream."""

import asyncio

from shared.documents import StoreUnavailable
from shared.ledger.model import CONTAINER as LEDGER
from shared.providers.port import CredentialUnavailable, SecretUnavailable
from shared.runtime import Runtime

PATIENCE_S = 10.0


async def readiness(runtime: Runtime) -> dict[str, bool]:
    """Return the components and whether each is well; the names say nothing that an outsider could use."""
    store, credentials = await asyncio.gather(_store(runtime), _credentials(runtime))
    return {"configuration": True, "store": store, "credentials": credentials}


async def _store(runtime: Runtime) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await runtime.documents.get(LEDGER, "health", "health")
    except (StoreUnavailable, TimeoutError):
        return False
    return True


async def _credentials(runtime: Runtime) -> bool:
    azure = {
        (item.scope, item.client_id)
        for item in runtime.config.deployments
        if runtime.providers[item.provider].needs_token
    }
    refs = {item.secret_ref for item in runtime.config.deployments if item.secret_ref}
    try:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(
                *(runtime.tokens.bearer(scope, client_id) for scope, client_id in azure),
                *(runtime.secrets.resolve(ref) for ref in refs),
            )
    except (CredentialUnavailable, SecretUnavailable, TimeoutError):
        return False
    return True
