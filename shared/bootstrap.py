"""Chooses the adapters and builds the runtime: the one place that knows them all."""

import secrets
from collections.abc import Callable
from pathlib import Path

from shared.adapters.entra import Credential, EntraTokens, credentials
from shared.adapters.key_vault import SecretResolver
from shared.adapters.local_queue import LocalQueue
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.adapters.upstream import AiohttpTransport
from shared.clock import Clock, SystemClock
from shared.configuration.domain import retry_of, router_of, teams_of
from shared.configuration.loading import load_configuration
from shared.configuration.model import KeyConfig
from shared.documents import DocumentStore
from shared.keys.model import VirtualKey, digest_of
from shared.keys.service import KeyService
from shared.ownership.service import OwnershipService
from shared.ownership.store import OwnershipStore
from shared.providers.port import SecretSource
from shared.providers.registry import PROVIDERS
from shared.queues import EventPublisher
from shared.runtime import Runtime
from shared.settings import Settings
from shared.tokens.service import TokenCounter
from shared.wire.openai.routes import Routes

VOCABULARIES = Path(__file__).parent.parent / "vendor" / "tiktoken"


async def build_runtime(settings: Settings, clock: Clock | None = None) -> Runtime:
    """Read the configuration and connect everything.

    Raises ConfigurationInvalid, and SecretUnavailable where a key's secret_ref does not resolve.
    """
    clock = clock or SystemClock()
    config = load_configuration(settings.config_path, settings.environment)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    has_identity_endpoint = "IDENTITY_ENDPOINT" in settings.environment
    make = credentials(settings.in_azure or has_identity_endpoint)

    def credential(client_id: str | None = None) -> Credential:
        return make(client_id or settings.client_id)

    tokens = EntraTokens(
        clock,
        in_azure=settings.in_azure,
        has_identity_endpoint=has_identity_endpoint,
        credential_factory=credential,
    )
    resolver = SecretResolver(
        settings.environment, in_azure=settings.in_azure, clock=clock, credential_factory=credential
    )
    pepper = await _pepper(settings, resolver)
    keys = [await _key(key, pepper, resolver) for key in config.keys]
    documents = _documents(settings, clock, credential)
    return Runtime(
        settings=settings,
        config=config,
        clock=clock,
        routes=Routes(),
        teams=teams_of(config),
        keys=KeyService(keys, pepper, clock),
        router=router_of(config, clock),
        retry=retry_of(config),
        providers=PROVIDERS,
        transport=AiohttpTransport(),
        tokens=tokens,
        secrets=resolver,
        ownership=OwnershipService(OwnershipStore(documents), clock),
        documents=documents,
        events=_publisher(settings, clock, credential),
        counter=TokenCounter(VOCABULARIES),
    )


async def _key(configured: KeyConfig, pepper: bytes, resolver: SecretSource) -> VirtualKey:
    """Hash the key; its secret is not kept."""
    secret = (await resolver.resolve(configured.secret_ref)).reveal()
    return VirtualKey(
        configured.id, configured.team, digest_of(secret, pepper), configured.expires_at, configured.disabled
    )


async def _pepper(settings: Settings, resolver: SecretSource) -> bytes:
    """The secret that keys are hashed with. On one machine it is made at the first start and kept beside the state."""
    if settings.pepper_ref is not None:
        return (await resolver.resolve(settings.pepper_ref)).reveal().encode()
    path = settings.data_dir / "pepper"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text().encode()


def _documents(settings: Settings, clock: Clock, credential: Callable[[], Credential]) -> DocumentStore:
    """The shared store in Azure, whose containers Bicep creates; a file on one machine."""
    if settings.cosmos_endpoint is None:
        return SqliteDocuments(settings.data_dir / "documents.db", clock)
    from shared.adapters.cosmos_documents import CosmosDocuments

    return CosmosDocuments(settings.cosmos_endpoint, settings.cosmos_database, credential_factory=credential)


def _publisher(settings: Settings, clock: Clock, credential: Callable[[], Credential]) -> EventPublisher:
    local = LocalQueue(settings.data_dir / "queues.db", clock)
    if settings.service_bus_namespace is None:
        return local
    from shared.adapters.service_bus import ServiceBusPublisher

    return ServiceBusPublisher(settings.service_bus_namespace, outbox=local, credential_factory=credential)
