"""Document stores of several instances on one Cosmos DB database, and the clock that ends their times to live."""

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from azure.core.credentials import AccessToken

from shared.adapters.cosmos_documents import CosmosDocuments
from tests.fakes import FakeClock
from tests.peers.cosmos import TOKEN, CosmosPeer

if TYPE_CHECKING:
    from azure.cosmos.aio import CosmosClient


class GatewayIdentity:
    def __init__(self, token: str = TOKEN) -> None:
        self.token = token
        self.is_closed = False

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(self.token, int(time.time()) + 3600)

    async def close(self) -> None:
        self.is_closed = True


class PeerClock(FakeClock):
    def __init__(self, peer: CosmosPeer) -> None:
        super().__init__()
        self._peer = peer

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self._peer.advance(seconds)


class CosmosLine:
    """Opens stores and closes them all at the end."""

    def __init__(self, peer: CosmosPeer, database: str) -> None:
        self.peer, self.database = peer, database
        self.identities: list[GatewayIdentity] = []
        self.clients: list[CosmosClient] = []
        self._stores: list[CosmosDocuments] = []

    def store(self, endpoint: str | None = None, token: str = TOKEN, **options: Any) -> CosmosDocuments:
        def identity() -> GatewayIdentity:
            self.identities.append(GatewayIdentity(token))
            return self.identities[-1]

        defaults = {
            "creates_containers": True,
            "credential_factory": identity,
            "client_factory": self._client,
            "patience_s": 30.0,
        }
        store = CosmosDocuments(endpoint or self.peer.endpoint, self.database, **{**defaults, **options})
        self._stores.append(store)
        return store

    def _client(self, *arguments: Any, **options: Any) -> "CosmosClient":
        from azure.cosmos.aio import CosmosClient

        self.clients.append(CosmosClient(*arguments, **options))
        return self.clients[-1]

    def sent(self) -> Counter[str]:
        """How often the peer was asked, by label."""
        return Counter(self.peer.requests())

    async def close(self) -> None:
        """The SDK looks after its account by itself, and is let finish: cancelled, it may leave a connection open for good."""
        looking = (client.client_connection._global_endpoint_manager.refresh_task for client in self.clients)
        if tasks := [task for task in looking if task is not None]:
            await asyncio.wait(tasks, timeout=5)
        for store in self._stores:
            await store.close()


class Figures:
    """What a store tells of itself."""

    def __init__(self) -> None:
        self.charges: list[tuple[str, float]] = []
        self.times: list[tuple[str, str, float]] = []
        self.throttlings: list[tuple[str, str]] = []

    def charged(self, container: str, operation: str, units: float) -> None:
        self.charges.append((operation, units))

    def throttled(self, container: str, operation: str) -> None:
        self.throttlings.append((container, operation))

    def took(self, container: str, operation: str, seconds: float) -> None:
        self.times.append((container, operation, seconds))
