"""Everything that a call or a job works with, chosen once by `shared.bootstrap` and passed on explicitly."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from shared.alerts.ports import Outgoing
from shared.alerts.service import NoticeBoard
from shared.audit.store import AuditLog
from shared.budgets.service import BudgetService
from shared.budgets.store import AlertStore
from shared.callers.service import Callers
from shared.catalog.service import OutputHistory, PriceBook
from shared.clock import Clock
from shared.configuration.model import Configuration
from shared.directory.declared import FileDirectory
from shared.directory.service import Directory
from shared.directory.store import DirectoryStore
from shared.documents import DocumentStore
from shared.finance.ports import ReportStorage
from shared.keys.use import LastUse
from shared.leases.service import Leases
from shared.ledger.service import LedgerService
from shared.ownership.service import OwnershipService
from shared.providers.base import Provider
from shared.providers.port import SecretSource, SecretVault, TokenSource, UpstreamTransport
from shared.queues import DeadLetters, EventPublisher
from shared.reconciliation.periods import PeriodStore
from shared.routing.retry import RetryRules
from shared.routing.service import Router
from shared.settings import Settings
from shared.telemetry.service import Telemetry
from shared.tokens.service import TokenCounter
from shared.tokens.sizes import ResponseSizes
from shared.upkeep import Upkeep
from shared.wire.openai.routes import Routes

_log = logging.getLogger("tollgate.background")


class SigningKeys(Protocol):
    """The keys that access tokens are checked with."""

    async def close(self) -> None: ...


class Background:
    """Work that a call leaves behind. Tasks are kept until they end: the event loop itself would forget them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("Work after a call failed: %s", type(error).__name__)

    async def finish(self) -> None:
        """Wait until nothing is left."""
        while self._tasks:
            await asyncio.wait(self._tasks)


@dataclass(frozen=True, slots=True)
class Administration:
    """What only the management API works with. `declared` is the configuration file's part of the hierarchy."""

    store: DirectoryStore
    audit: AuditLog
    alerts: AlertStore
    declared: FileDirectory
    secrets: SecretVault
    pepper: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bookkeeping:
    """What jobs keep the books with; calls need none of it. `storage` is where reports and archives go."""

    ledger: LedgerService
    periods: PeriodStore
    notices: NoticeBoard
    letters: DeadLetters
    storage: ReportStorage
    outgoing: Outgoing

    async def close(self) -> None:
        await self.outgoing.web.close()
        await self.storage.close()
        await self.letters.close()


@dataclass(frozen=True, slots=True)
class Runtime:
    settings: Settings
    config: Configuration
    clock: Clock
    routes: Routes
    directory: Directory
    callers: Callers
    leases: Leases
    budgets: BudgetService
    prices: PriceBook
    outputs: OutputHistory
    sizes: ResponseSizes
    router: Router
    retry: RetryRules
    providers: Mapping[str, Provider]
    transport: UpstreamTransport
    tokens: TokenSource
    secrets: SecretSource
    ownership: OwnershipService
    documents: DocumentStore
    events: EventPublisher
    counter: TokenCounter
    last_use: LastUse
    upkeep: Upkeep
    administration: Administration
    bookkeeping: Bookkeeping
    background: Background = field(default_factory=Background)
    signing_keys: SigningKeys | None = None
    telemetry: Telemetry = field(default_factory=Telemetry)

    async def close(self) -> None:
        """Finish what calls left behind, then let go of connections and files."""
        await self.upkeep.close()
        await self.background.finish()
        await self.leases.close()
        await self.directory.close()
        await self.transport.close()
        await self.tokens.close()
        if self.signing_keys is not None:
            await self.signing_keys.close()
        await self.secrets.close()
        await self.bookkeeping.close()
        await self.events.close()
        await self.documents.close()
        self.counter.close()
        await asyncio.to_thread(self.telemetry.close)
