"""What the management API works with, and what it asks of the parts that are built elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from shared.audit.store import AuditLog
from shared.budgets.model import Alert, BudgetStatus
from shared.callers.model import Caller
from shared.clock import Clock
from shared.directory.declared import FileDirectory
from shared.directory.model import Budget
from shared.directory.store import DirectoryStore
from shared.management.answers import Explanation
from shared.management.authority import Authority
from shared.management.books import Books
from shared.management.requests import ExplainRequest
from shared.management.turns import PROCESS, Turns
from shared.providers.port import SecretVault


class Callers(Protocol):
    async def identify(self, headers: Mapping[str, str], address: str) -> Caller:
        """Return who calls. Raises GatewayError: 401, 403, or 503 when it cannot be known right now."""

    async def by_id(self, key_id: str) -> Caller | None:
        """Return the holder of a key without its secret."""


class Alerts(Protocol):
    async def page(
        self, team: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> tuple[tuple[Alert, ...], str | None]:
        """Return alerts, newest first; with `team`, those alone whose budget hangs in that team's subtree."""


class LastUsed(Protocol):
    async def __call__(self, key: str, /) -> datetime | None:
        """Return when a key was used last; None for never."""


class BudgetStatuses(Protocol):
    async def __call__(self, budget: Budget) -> BudgetStatus:
        """Return what is spent of a budget in its current period."""


class Explain(Protocol):
    async def __call__(self, caller: Caller, request: ExplainRequest, viewer: Authority) -> Explanation:
        """Return what would become of a caller's call, and why, as far as the viewer may know. Changes no counter."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that the operations use. Without `secrets` or `books` their operations do not exist."""

    clock: Clock
    pepper: bytes = field(repr=False)
    store: DirectoryStore
    audit: AuditLog
    file: FileDirectory
    callers: Callers
    alerts: Alerts
    budget_status: BudgetStatuses
    explain: Explain
    secrets: SecretVault | None = None
    last_used: LastUsed | None = None
    books: Books | None = None
    turns: Turns = PROCESS
