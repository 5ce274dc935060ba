"""What the management API asks of the parts that keep the books: the ledger, periods, alerts, reports, queues and sessions."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.alerts.model import ChannelConfig, Delivery, Notice
from shared.documents import Json
from shared.finance.facts import Days
from shared.finance.model import ReportConfig
from shared.finance.store import Run
from shared.jobs.dead_letters import SetAside
from shared.jobs.rerate import Rerated
from shared.jobs.session_classification import Classified
from shared.ledger.model import Cell, Entry, Grain, Head, View
from shared.reconciliation.azure_comparison import Comparison
from shared.reconciliation.azure_costs import AzureImport
from shared.reconciliation.model import Finding, Period, TeamSnapshot
from shared.sessions.pull_requests import PullRequest
from shared.sessions.service import SessionService
from shared.sessions.store import SessionStore
from shared.windows import Window


class Ledger(Protocol):
    """The ledger; every method raises StoreUnavailable."""

    def cells(
        self, view: View, grain: Grain, window: Window, teams: Collection[str] | None = None
    ) -> AsyncIterator[Cell]:
        """Yield the cells that begin in the window."""

    async def entry(self, team: str, at: datetime, id: str) -> Entry | None: ...

    async def partitions(self, month: str) -> list[str]:
        """Return the volumes of a UTC month: of each team one, called as the team is, or more."""

    async def teams(self, month: str) -> list[str]: ...

    async def heads(self, window: Window) -> Mapping[tuple[str, str], Head]:
        """Return how far each (team, month) has come."""


class EntryLists(Protocol):
    async def page(
        self, window: Window, teams: Collection[str] | None, limit: int, cursor: str | None
    ) -> tuple[Sequence[Entry], str | None]:
        """Return some entries of a window, and the cursor that continues them. Raises StoreUnavailable."""


class Postings(Protocol):
    async def post(self, entries: Sequence[Entry], events: Sequence[Json] = ()) -> int:
        """Return how many entries are new; an id that is there already is not written again."""


class Repricing(Protocol):
    async def price_unpriced(self, window: Window) -> Rerated: ...

    async def correct(self, window: Window, model: str) -> Rerated: ...


class Periods(Protocol):
    def all(self) -> AsyncIterator[Period]:
        """Yield every month that somebody has begun to close, oldest first."""

    def snapshots(self, month: str) -> AsyncIterator[TeamSnapshot]: ...


class Closing(Protocol):
    """Raises MonthInvalid for what is no month, and GatewayError for one that cannot be closed."""

    async def period(self, month: str) -> Period: ...

    async def close(self, month: str, by: str, *, accept_unpriced: bool = False) -> Period: ...

    def adjustments_since_close(self, month: str) -> AsyncIterator[Entry]: ...


class Findings(Protocol):
    def of(self, month: str) -> AsyncIterator[Finding]:
        """Yield what was found last of every partition of a UTC month."""


class Reconcile(Protocol):
    async def __call__(self, team: str, month: str) -> Finding:
        """Look at a partition and put right what can be."""


class CloudCosts(Protocol):
    """What the cloud bills."""

    async def take(self, content: AsyncIterator[bytes], by: str) -> Sequence[AzureImport]:
        """Take in an export of actual costs. Raises ExportInvalid."""

    async def compare(self, month: str) -> Comparison | None:
        """Hold a UTC month of it against the ledger; None where none was imported."""


class NoticeLists(Protocol):
    async def page(
        self, team: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> tuple[tuple[Notice, ...], str | None]: ...


class Deliveries(Protocol):
    async def page(self, limit: int = 100, cursor: str | None = None) -> tuple[tuple[Delivery, ...], str | None]: ...

    async def retry(self, id: str) -> Delivery | None: ...


class Try(Protocol):
    async def __call__(self, channel: str) -> str | None:
        """Send a test notice, and say in a word what became of it; None where there is no such channel."""


class ReportRuns(Protocol):
    async def request(self, definition: ReportConfig, period: Days, by: str) -> Run:
        """Note a run and put it on the queue."""

    async def reproduce(self, first: Run, configured: ReportConfig | None, by: str) -> Run:
        """Note that a report is to be made again and compared, and put it on the queue. Raises ReportRefused where it cannot be."""

    async def latest(self, limit: int, cursor: str | None) -> tuple[list[Run], str | None]: ...

    async def get(self, id: str) -> Run | None: ...

    async def file(self, path: str) -> bytes | None: ...


class DeadLetters(Protocol):
    """Raises LetterUnknown and LetterInvalid. What is done is audited under `actor`."""

    async def page(self, limit: int = 50, cursor: str | None = None) -> tuple[Sequence[SetAside], str | None]: ...

    async def get(self, id: str) -> SetAside: ...

    async def correct(self, id: str, body: bytes) -> Json:
        """Check a corrected body; nothing is sent."""

    async def replay(self, id: str, actor: str, body: bytes | None = None) -> None: ...

    async def discard(self, id: str, actor: str) -> None: ...


class PullRequestLists(Protocol):
    async def merged(self, window: Window) -> list[PullRequest]: ...


class Classify(Protocol):
    async def __call__(self, window: Window, teams: Collection[str] | None, *, anew: bool) -> Classified:
        """Group and label the days that a window touches."""


@dataclass(frozen=True, slots=True)
class Reporting:
    """Reports that are configured, and their runs."""

    definitions: tuple[ReportConfig, ...]
    runs: ReportRuns


@dataclass(frozen=True, slots=True)
class Alerting:
    notices: NoticeLists
    deliveries: Deliveries
    try_channel: Try
    channels: tuple[ChannelConfig, ...] = ()


@dataclass(frozen=True, slots=True)
class Proving:
    """Whether the books are right, and the months that are closed."""

    periods: Periods
    closing: Closing
    findings: Findings
    reconcile: Reconcile
    costs: CloudCosts


@dataclass(frozen=True, slots=True)
class Working:
    """How much of the work agents do."""

    sessions: SessionService
    store: SessionStore
    pull_requests: PullRequestLists
    classify: Classify


@dataclass(frozen=True, slots=True)
class Books:
    """What the operations on money work with. `time_zone` is that of reports, `currency` the deployment's."""

    ledger: Ledger
    entries: EntryLists
    postings: Postings
    repricing: Repricing
    proving: Proving
    alerting: Alerting
    reporting: Reporting
    dead_letters: DeadLetters
    working: Working
    time_zone: str = "UTC"
    currency: str = "USD"
