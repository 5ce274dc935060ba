"""The books of a running gateway, put together from the services that keep them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

from shared.alerts.model import AlertingConfig, Notice
from shared.alerts.service import DeliveryLog
from shared.alerts.store import NoticeStore
from shared.audit.model import Actor
from shared.catalog.service import PriceBook
from shared.clock import Clock
from shared.directory.store import DirectoryStore
from shared.documents import DocumentStore, StoreUnavailable
from shared.finance.facts import Days
from shared.finance.model import FinanceConfig, ReportConfig
from shared.finance.ports import ReportStorage, StorageUnavailable
from shared.finance.store import Run, RunStore
from shared.jobs.alert_channels import Channels, Verdict
from shared.jobs.counted_ledger import CountedLedger
from shared.jobs.dead_letters import Audited, DeadLetterService, Deed
from shared.jobs.finance_reports import publish
from shared.jobs.rerate import Rerating
from shared.jobs.session_classification import Classification, Classified
from shared.ledger.rejected import RejectedStore
from shared.ledger.service import LedgerService
from shared.ledger.store import LedgerStore
from shared.management.books import Alerting, Books, Proving, Reporting, Working
from shared.management.entry_pages import EntryPages
from shared.queues import DeadLetters, EventPublisher
from shared.reconciliation.azure_comparison import Comparison, compare
from shared.reconciliation.azure_costs import AzureCostStore, AzureImport, Place, parse_export
from shared.reconciliation.closing import ClosingService
from shared.reconciliation.periods import PeriodStore
from shared.reconciliation.service import ReconciliationService
from shared.sessions.model import SessionsConfig
from shared.sessions.pull_requests import PullRequests
from shared.sessions.service import SessionService
from shared.sessions.store import SessionStore
from shared.windows import Window

if TYPE_CHECKING:  # Behind it are the writers of every format, which cost a tenth of a second to import.
    from shared.finance.runs import ReportRuns

_IN_MEMORY = 2**20
CLASSIFY_S = 120.0


@dataclass(frozen=True, slots=True)
class Services:
    """What is built at the start for jobs as well as for operators. `azure_names` lead from what Azure bills to deployments."""

    documents: DocumentStore
    clock: Clock
    directory: DirectoryStore
    prices: PriceBook
    events: EventPublisher
    letters: DeadLetters
    ledger: LedgerService
    reconciliation: ReconciliationService
    closing: ClosingService
    runs: "Callable[[], ReportRuns]"
    storage: ReportStorage
    finance: FinanceConfig
    sessions: SessionsConfig
    alerting: AlertingConfig | None = None
    channels: Channels | None = None
    azure_names: Mapping[str, Place] | None = None
    currency: str = "USD"


def books_of(services: Services) -> Books:
    documents, clock, zone = services.documents, services.clock, services.finance.time_zone
    ledger, counted = LedgerStore(documents), CountedLedger(documents, clock, zone)
    costs = AzureCosts(documents, clock, counted, services.azure_names or {}, zone)

    sessions = SessionStore(documents)
    classification = Classification(documents, clock, zone)

    async def classify(window: Window, teams: Collection[str] | None, *, anew: bool) -> Classified:
        return await classification.classify(window, teams, anew=anew, budget_s=CLASSIFY_S)

    return Books(
        ledger=counted,
        entries=EntryPages(documents, ledger),
        postings=services.ledger,
        repricing=Rerating(counted, services.ledger, documents, services.prices, clock),
        proving=Proving(
            PeriodStore(documents, clock), services.closing, services.reconciliation.results,
            services.reconciliation.reconcile, costs,
        ),
        alerting=Alerting(
            NoticeStore(documents),
            DeliveryLog(documents, clock),
            ChannelTrial(services.alerting, services.channels, clock),
            services.alerting.channels if services.alerting else (),
        ),
        reporting=Reporting(
            services.finance.reports, PublishedRuns(
                RunStore(documents), services.runs, services.storage, services.events, clock)
        ),
        dead_letters=DeadLetterService(
            services.letters, RejectedStore(documents, clock), services.events, clock, _audited(services.directory)
        ),
        working=Working(
            SessionService(sessions, clock, services.sessions, zone), sessions, PullRequests(documents, clock), classify
        ),
        time_zone=zone,
        currency=services.currency,
    )  # fmt: skip


class PublishedRuns:
    """Runs that are put on the queue as soon as somebody asks for them."""

    def __init__(
        self,
        store: RunStore,
        runs: "Callable[[], ReportRuns]",
        storage: ReportStorage,
        events: EventPublisher,
        clock: Clock,
    ) -> None:
        """`runs` is called once somebody asks for a report, as what is behind it takes a while to import."""
        self._store, self._runs, self._storage, self._events, self._clock = store, runs, storage, events, clock

    async def request(self, definition: ReportConfig, period: Days, by: str) -> Run:
        return await self._published(await self._runs().request(definition, period, by))

    async def reproduce(self, first: Run, configured: ReportConfig | None, by: str) -> Run:
        try:
            run = await self._runs().reproduce(first, configured, by)
        except StorageUnavailable as error:
            raise StoreUnavailable("the storage of reports cannot be reached") from error
        return await self._published(run)

    async def latest(self, limit: int, cursor: str | None) -> tuple[list[Run], str | None]:
        return await self._store.latest(limit, cursor)

    async def get(self, id: str) -> Run | None:
        return await self._store.get(id)

    async def file(self, path: str) -> bytes | None:
        try:
            return await self._storage.read(path)
        except StorageUnavailable as error:
            raise StoreUnavailable("the storage of reports cannot be reached") from error

    async def _published(self, run: Run) -> Run:
        publish(run, self._events, self._clock)
        await self._events.flush()
        return run


class AzureCosts:
    def __init__(
        self, documents: DocumentStore, clock: Clock, ledger: LedgerStore, names: Mapping[str, Place], time_zone: str
    ) -> None:
        self._store, self._ledger = AzureCostStore(documents, clock), ledger
        self._names, self._time_zone = names, time_zone

    async def take(self, content: AsyncIterator[bytes], by: str) -> Sequence[AzureImport]:
        """Read the export into a file of its own first: it is larger than what fits into memory beside calls."""
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
            async for piece in content:
                await asyncio.to_thread(spool.write, piece)
            spool.seek(0)
            id, months = await asyncio.to_thread(parse_export, cast("BinaryIO", spool))
        return await self._store.keep(id, months, by)

    async def compare(self, month: str) -> Comparison | None:
        return await compare(self._store, self._ledger, month, self._names, self._time_zone)


class ChannelTrial:
    """Sends a notice that says nothing but that it is a test, past routes and limits."""

    def __init__(self, config: AlertingConfig | None, channels: Channels | None, clock: Clock) -> None:
        self._config, self._channels, self._clock = config, channels, clock

    async def __call__(self, channel: str) -> str | None:
        found = self._config.channel(channel) if self._config else None
        if found is None or self._channels is None:
            return None
        now = self._clock.now()
        text = "Somebody who runs the gateway wants to see whether this channel works. Nothing has happened."
        notice = Notice(f"test-{channel}-{int(now.timestamp())}", "digest", "info", "A test of this channel", text, now)
        outcome = await self._channels.send(found, notice)
        return "delivered" if outcome.verdict is Verdict.DELIVERED else outcome.status


def _audited(directory: DirectoryStore) -> Audited:
    async def note(deed: Deed) -> None:
        kind, _, id = deed.actor.partition("|")
        actor = Actor(id, cast("Literal['virtual_key', 'entra']", kind))
        sent = f" sha256:{deed.digest}" if deed.digest else ""
        await directory.note(actor, f"dead_letter.{deed.action}{sent}", f"dead-letters/{deed.id}")

    return note
