"""Chooses the adapters and builds the runtime: the one place that knows them all."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from secrets import token_hex

from shared.adapters.blob_reports import BlobReports
from shared.adapters.communication import CommunicationMail
from shared.adapters.entra import Credential, EntraTokens, credentials
from shared.adapters.jwks import JwksKeySet
from shared.adapters.key_vault import SecretResolver
from shared.adapters.local_dead_letters import LocalDeadLetters
from shared.adapters.local_queue import LocalQueue
from shared.adapters.mail import SmtpMailer
from shared.adapters.report_files import ReportFiles
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.adapters.stored_secrets import StoredSecrets
from shared.adapters.telemetry.configured import check as check_telemetry
from shared.adapters.telemetry.errors import TelemetryMisconfigured
from shared.adapters.upstream import AiohttpTransport
from shared.adapters.web_client import AiohttpWebClient
from shared.alerts.ports import Outgoing
from shared.alerts.service import NoticeBoard
from shared.audit.store import AuditLog
from shared.budgets.service import BudgetService
from shared.budgets.store import AlertStore
from shared.callers.service import Callers
from shared.catalog.service import OutputHistory, load_book
from shared.clock import Clock, SystemClock
from shared.configuration.domain import directory_of, retry_of, router_of
from shared.configuration.loading import configuration_of
from shared.configuration.model import Configuration, KeyConfig
from shared.directory.declared import FileDirectory
from shared.directory.service import Directory
from shared.directory.store import DirectoryStore
from shared.documents import DocumentStore
from shared.finance.model import FinanceConfig
from shared.finance.ports import ReportStorage
from shared.identity.service import TokenIdentity
from shared.ids import new_id
from shared.instrumentation import StoreFigures, budget_figures, lease_figures, recorder, telemetry_of, watch
from shared.keys.model import digest_of
from shared.keys.service import KeyService
from shared.keys.use import KeyUseStore, LastUse
from shared.leases.service import Leases
from shared.ledger.service import LedgerService
from shared.ownership.service import OwnershipService
from shared.ownership.store import OwnershipStore
from shared.providers.port import SecretSource, SecretUnavailable, TokenSource
from shared.providers.registry import PROVIDERS
from shared.queues import DeadLetters, EventPublisher
from shared.reconciliation.periods import PeriodStore
from shared.runtime import Administration, Background, Bookkeeping, Runtime
from shared.settings import Settings, SettingsInvalid
from shared.tokens.service import TokenCounter
from shared.tokens.sizes import ResponseSizes
from shared.upkeep import Upkeep
from shared.wire.openai.routes import Routes

SHORTEST_PEPPER = 32
PROJECT = Path(__file__).parent.parent
VOCABULARIES = PROJECT / "vendor" / "tiktoken"


type CredentialFactory = Callable[..., Credential]


def check_settings(settings: Settings) -> None:
    """Raise ConfigurationInvalid or SettingsInvalid for what can be known to be wrong before anything is connected."""
    configuration_of(settings)
    try:
        check_telemetry(settings.telemetry, settings.environment)
    except TelemetryMisconfigured as error:
        raise SettingsInvalid([str(error)]) from None


async def build_runtime(settings: Settings, clock: Clock | None = None) -> Runtime:
    """Read the configuration and connect everything.

    Raises ConfigurationInvalid, and SecretUnavailable where a key's secret_ref does not resolve.
    """
    clock = clock or SystemClock()
    config = configuration_of(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    credential, tokens, resolver = _credentials(settings, clock)
    router, prices = router_of(config, clock), load_book(config.prices)
    telemetry = telemetry_of(settings, router, prices, partial(recorder, settings, PROJECT))
    documents = _documents(settings, clock, credential, StoreFigures(telemetry.count))
    administration, secrets = await _administration(settings, config, clock, documents, resolver)
    background = Background()
    events = _publisher(settings, clock, documents, credential)
    directory = Directory(documents, administration.declared, clock)
    leases = Leases(documents, clock, new_id("inst", clock.now()), background.spawn, tell=lease_figures(telemetry))
    signing_keys, callers = _callers(settings, config, directory, administration.pepper, clock)
    runtime = Runtime(
        settings=settings,
        config=config,
        clock=clock,
        routes=Routes(),
        directory=directory,
        callers=callers,
        leases=leases,
        budgets=BudgetService(administration.alerts, clock, background.spawn, budget_figures(telemetry)),
        prices=prices,
        outputs=OutputHistory(),
        sizes=ResponseSizes(),
        router=router,
        retry=retry_of(config),
        providers=PROVIDERS,
        transport=AiohttpTransport(),
        tokens=tokens,
        secrets=secrets,
        ownership=OwnershipService(OwnershipStore(documents), clock),
        documents=documents,
        events=events,
        counter=TokenCounter(VOCABULARIES),
        last_use=LastUse(KeyUseStore(documents), clock),
        upkeep=Upkeep((directory.look, leases.tend), clock, lambda: leases.is_at_work),
        administration=administration,
        bookkeeping=bookkeeping_of(settings, config.finance, clock, documents, events, tokens, credential),
        background=background,
        signing_keys=signing_keys,
        telemetry=telemetry,
    )
    watch(runtime)
    return runtime


async def _administration(
    settings: Settings,
    config: Configuration,
    clock: Clock,
    documents: DocumentStore,
    resolver: Callable[..., SecretResolver],
) -> tuple[Administration, SecretResolver]:
    """Return what the hierarchy is administered with, and what all secrets are resolved with."""
    pepper = await _pepper(settings, resolver())
    stored = StoredSecrets(documents, pepper, clock)
    secrets = resolver(stored=stored)
    declared = directory_of(config, {key.id: await _digest(key, pepper, secrets) for key in config.keys})
    return administration_of(documents, clock, declared, stored, pepper), secrets


def _callers(
    settings: Settings, config: Configuration, directory: Directory, pepper: bytes, clock: Clock
) -> tuple[JwksKeySet | None, Callers]:
    signing_keys = JwksKeySet(config.entra.jwks_url_of, clock) if config.entra else None
    identity = TokenIdentity(config.entra, signing_keys, clock) if config.entra and signing_keys else None
    proxies = _proxies(settings, config)
    return signing_keys, Callers(directory, KeyService(directory, pepper), identity, clock, proxies)


def bookkeeping_of(
    settings: Settings,
    finance: FinanceConfig,
    clock: Clock,
    documents: DocumentStore,
    events: EventPublisher,
    tokens: TokenSource,
    credential: CredentialFactory,
) -> Bookkeeping:
    web = AiohttpWebClient(clock)
    return Bookkeeping(
        ledger=LedgerService(documents, clock, time_zone=finance.time_zone),
        periods=PeriodStore(documents, clock),
        notices=NoticeBoard(documents, events, clock),
        letters=_dead_letters(settings, clock, credential),
        storage=_report_storage(settings, finance, tokens),
        outgoing=Outgoing(web, SmtpMailer(clock), CommunicationMail(web, tokens)),
    )


def administration_of(
    documents: DocumentStore, clock: Clock, declared: FileDirectory, secrets: StoredSecrets, pepper: bytes
) -> Administration:
    audit = AuditLog(documents, pepper)
    return Administration(
        store=DirectoryStore(documents, clock, audit),
        audit=audit,
        alerts=AlertStore(documents),
        declared=declared,
        secrets=secrets,
        pepper=pepper,
    )


def _credentials(
    settings: Settings, clock: Clock
) -> tuple[CredentialFactory, EntraTokens, Callable[..., SecretResolver]]:
    """Return what makes credentials, the tokens made with them, and what makes a resolver of secret_refs."""
    has_identity_endpoint = "IDENTITY_ENDPOINT" in settings.environment
    make = credentials(settings.in_azure or has_identity_endpoint)

    def credential(client_id: str | None = None) -> Credential:
        return make(client_id or settings.client_id)

    tokens = EntraTokens(
        clock, in_azure=settings.in_azure, has_identity_endpoint=has_identity_endpoint, credential_factory=credential
    )
    resolver = partial(
        SecretResolver, settings.environment, in_azure=settings.in_azure, clock=clock, credential_factory=credential
    )
    return credential, tokens, resolver


async def _digest(configured: KeyConfig, pepper: bytes, resolver: SecretSource) -> str:
    """Hash the key; its secret is not kept."""
    return digest_of((await resolver.resolve(configured.secret_ref)).reveal(), pepper)


def _proxies(settings: Settings, config: Configuration) -> int:
    """In Azure the platform's front end always stands before the app."""
    return int(settings.in_azure) if config.trusted_proxies is None else config.trusted_proxies


async def _pepper(settings: Settings, resolver: SecretSource) -> bytes:
    """The secret that keys are hashed with. On one machine it is made at the first start and kept beside the state."""
    ref = settings.pepper_ref or str(settings.data_dir / "pepper")
    if settings.pepper_ref is not None:
        pepper = (await resolver.resolve(settings.pepper_ref)).reveal().encode()
    else:
        pepper = _own_pepper(settings.data_dir / "pepper")
    if len(pepper) < SHORTEST_PEPPER:
        raise SecretUnavailable(ref, f"the pepper has fewer than {SHORTEST_PEPPER} characters")
    return pepper


def _own_pepper(path: Path) -> bytes:
    """Return the file's content; it appears whole, and of two processes that make it the first one's stays."""
    if not path.exists():
        draft = path.with_name(f"pepper.{token_hex(8)}")
        draft.touch(mode=0o600)
        draft.write_text(token_hex(32))
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_bytes()


def _documents(settings: Settings, clock: Clock, credential: CredentialFactory, figures: StoreFigures) -> DocumentStore:
    """The shared store in Azure, whose containers Bicep creates; a file on one machine."""
    if settings.cosmos_endpoint is None:
        return SqliteDocuments(settings.data_dir / "documents.db", clock)
    from shared.adapters.cosmos_documents import CosmosDocuments

    return CosmosDocuments(
        settings.cosmos_endpoint, settings.cosmos_database, credential_factory=credential, figures=figures
    )


def _report_storage(settings: Settings, finance: FinanceConfig, tokens: TokenSource) -> ReportStorage:
    if finance.reports_storage is None:
        return ReportFiles(settings.data_dir / "reports")
    return BlobReports(finance.reports_storage, tokens)


def _dead_letters(settings: Settings, clock: Clock, credential: CredentialFactory) -> DeadLetters:
    if settings.service_bus_namespace is None:
        return LocalDeadLetters(settings.data_dir / "queues.db", clock)
    from shared.adapters.service_bus_dead_letters import ServiceBusDeadLetters

    return ServiceBusDeadLetters(settings.service_bus_namespace, credential_factory=credential)


def _publisher(
    settings: Settings, clock: Clock, documents: DocumentStore, credential: CredentialFactory
) -> EventPublisher:
    local = LocalQueue(settings.data_dir / "queues.db", clock)
    if settings.service_bus_namespace is None:
        return local
    from shared.adapters.copied_outbox import CopiedOutbox
    from shared.adapters.service_bus import ServiceBusPublisher

    return ServiceBusPublisher(
        settings.service_bus_namespace, outbox=CopiedOutbox(local, documents, clock), credential_factory=credential
    )
