"""Proves the partitions of this month and the last, those first that were longest not looked at, and tells what was wrong."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from shared.alerts.model import Notice
from shared.clock import Clock
from shared.directory.declared import FileDirectory
from shared.directory.documents import owning_team
from shared.directory.model import Budget, Kind
from shared.directory.store import DirectoryStore
from shared.money import amount, text_of
from shared.providers.model import Deployment
from shared.reconciliation.azure_comparison import ANY
from shared.reconciliation.azure_costs import Place
from shared.reconciliation.budgets import BudgetComparison, BudgetFinding
from shared.reconciliation.model import Finding
from shared.reconciliation.ports import Ledger
from shared.reconciliation.service import ReconciliationService

BUDGET_S = 480.0
AGAIN = timedelta(days=1)
"""After this a partition is looked at again that nobody has posted to: documents can be spoilt in other ways."""

_PAGE = 200
_BEGINNING = datetime.min.replace(tzinfo=UTC)


class NoticeBoard(Protocol):
    async def raise_(self, notices: Iterable[Notice]) -> int: ...


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one run did: partitions that it looked at, those with differences, and how many it had no time for."""

    looked_at: int = 0
    different: int = 0
    left: int = 0


async def reconcile_usage(
    service: ReconciliationService, ledger: Ledger, notices: NoticeBoard, clock: Clock, budget_s: float = BUDGET_S
) -> Reconciled:
    """What is found is kept with every partition, so the next run goes on where this one stopped. Raises StoreUnavailable."""
    deadline = clock.monotonic() + budget_s
    due = await _due(service, ledger, clock.now())
    different = looked_at = 0
    for _, team, month in due:
        if clock.monotonic() >= deadline:
            break
        finding = await service.reconcile(team, month)
        looked_at += 1
        if finding.differences:
            different += 1
            await notices.raise_([_notice(finding)])
    return Reconciled(looked_at, different, len(due) - looked_at)


async def compare_budgets(
    comparison: BudgetComparison,
    budgets: Iterable[tuple[Budget, str | None]],
    notices: NoticeBoard,
    *,
    repair: bool = False,
) -> list[BudgetFinding]:
    """Compare what budgets count with the ledger; tell of what nothing explains and does not go away. Raises StoreUnavailable."""
    findings = await comparison.compare(budgets, repair=repair)
    await notices.raise_([_budget_notice(finding) for finding in findings if finding.is_lasting])
    return findings


async def budgets_of(store: DirectoryStore, declared: FileDirectory) -> list[tuple[Budget, str | None]]:
    """Return every budget that there is, declared or stored, each with its team. Raises StoreUnavailable."""
    budgets = [resource for resource in declared.all(Kind.BUDGET) if isinstance(resource, Budget)]
    cursor: str | None = None
    while True:
        page, cursor = await store.page(Kind.BUDGET, limit=_PAGE, cursor=cursor)
        budgets += [stored.resource for stored in page if isinstance(stored.resource, Budget)]
        if cursor is None:
            return [(budget, owning_team(budget)) for budget in budgets]


def azure_names(deployments: Iterable[Deployment]) -> dict[Place, str]:
    """Return what leads from Azure's account and deployment to the gateway's name of it."""
    names: dict[Place, str] = {}
    for deployment in deployments:
        if deployment.provider == "azure_openai":
            account = deployment.endpoint.split("//")[-1].split(".")[0].lower()
            is_any = "{model}" in deployment.upstream_name
            names[account, ANY if is_any else deployment.upstream_name.lower()] = deployment.name
    return names


async def _due(service: ReconciliationService, ledger: Ledger, now: datetime) -> Sequence[tuple[datetime, str, str]]:
    """Return when each partition was last looked at, its team and its month; the longest ago first."""
    this = now.astimezone(UTC).replace(day=1)
    due: list[tuple[datetime, str, str]] = []
    for month in (f"{this:%Y-%m}", f"{this - timedelta(days=1):%Y-%m}"):
        last = {finding.team: finding async for finding in service.results.of(month)}
        for team in await ledger.partitions(month):
            finding = last.get(team)
            if finding is None:
                due.append((_BEGINNING, team, month))
            elif not await _still_holds(finding, ledger, now):
                due.append((finding.at, team, month))
    return sorted(due)


async def _still_holds(finding: Finding, ledger: Ledger, now: datetime) -> bool:
    if not finding.is_clean or finding.is_busy or now - finding.at >= AGAIN:
        return False
    return (await ledger.head(finding.team, finding.month)).sequence == finding.sequence


def _notice(finding: Finding) -> Notice:
    facts = tuple((each.problem.value.replace("_", " "), str(each.count)) for each in finding.differences)
    outcome = "Everything is right again." if finding.is_clean else "Not everything could be put right."
    return Notice(
        id=f"reconciliation|{finding.month}|{finding.team}|{finding.sequence}",
        kind="reconciliation",
        severity="warning" if finding.is_clean else "critical",
        title=f"The ledger of {finding.team} in {finding.month} was not in order",
        text=f"Entries, sums and events did not say the same. {outcome}",
        at=finding.at,
        facts=(*facts, ("put right", str(finding.repaired))),
        team=finding.team,
    )


def _budget_notice(finding: BudgetFinding) -> Notice:
    since = finding.since or finding.at
    return Notice(
        id=f"reconciliation|{finding.budget}|{finding.window.id}|{since:%Y%m%dT%H%M}",
        kind="reconciliation",
        severity="warning",
        title=f"A budget of {finding.scope} and the ledger do not say the same",
        text="Nothing that is known explains the difference.",
        at=finding.at,
        facts=(
            ("Spent by the budget", text_of(amount(finding.spent))),
            ("Spent by the ledger", text_of(amount(finding.ledger))),
            ("Difference", text_of(amount(finding.difference))),
        ),
        scope=finding.scope,
    )
