"""Proves the partitions of this month and the last, those first that were longest not looked at, and tells what was wrong."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from shared.alerts.model import Notice
from shared.clock import Clock
from shared.directory.declared import FileDirectory
from shared.directory.documents import owning_team
from shared.directory.model import Budget, Kind
from shared.directory.store import DirectoryStore
from shared.documents import StoreUnavailable
from shared.ledger.documents import team_of
from shared.money import amount, text_of
from shared.providers.model import Deployment
from shared.reconciliation.azure_comparison import ANY
from shared.reconciliation.azure_costs import Place
from shared.reconciliation.budgets import BudgetComparison, BudgetFinding
from shared.reconciliation.model import Finding, Problem
from shared.reconciliation.ports import Ledger
from shared.reconciliation.results import Failures
from shared.reconciliation.service import ReconciliationService
from shared.reconciliation.zone import CellZone

BUDGET_S = 480.0
AGAIN = timedelta(days=1)
"""After this a partition is looked at again that nobody has posted to: documents can be spoilt in other ways."""

_TRIES, _LASTING = 3, timedelta(hours=1)
"""A partition that could not be read so often in a row, over so long a time, will not come back by itself."""

_OF_CELLS = frozenset({Problem.CELL_DIFFERS, Problem.CELL_MISSING, Problem.CELL_SUPERFLUOUS})
_log = logging.getLogger("tollgate.books")
_PAGE = 200
_MONTHS, _ALL_MONTHS = 2, 120
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_FIRST, _USUAL, _LAST = range(3)


class NoticeBoard(Protocol):
    async def raise_(self, notices: Iterable[Notice]) -> int: ...


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one run did: partitions it looked at, those with differences, those it had no time for, and those it could not read."""

    looked_at: int = 0
    different: int = 0
    left: int = 0
    failed: int = 0


class _Due(NamedTuple):
    """A partition to look at, and when that was last tried. Lower ranks come first."""

    rank: int
    at: datetime
    team: str
    month: str


async def reconcile_usage(
    service: ReconciliationService, ledger: Ledger, notices: NoticeBoard, clock: Clock, budget_s: float = BUDGET_S
) -> Reconciled:
    """What is found is kept with every partition, so the next run goes on where this one stopped.

    A partition that cannot be read keeps no other from being looked at. Where the reporting time zone has changed, all that there
    ever was is counted anew first. Raises StoreUnavailable where it is not even known what there is.
    """
    deadline = clock.monotonic() + budget_s
    zone = await service.zone.state()
    if not zone.is_settled:
        await notices.raise_([_zone_notice(zone)])
    due = await _due(service, ledger, zone, clock.now())
    done = Reconciled(left=len(due))
    for _, _, team, month in due:
        if clock.monotonic() >= deadline:
            break
        done = replace(await _look(service, notices, team, month, clock, done, zone), left=done.left - 1)
    if not zone.is_settled and not await _due_again(service, ledger, zone, clock.now()):
        await service.zone.settle(zone)
    return done


async def _look(
    service: ReconciliationService,
    notices: NoticeBoard,
    team: str,
    month: str,
    clock: Clock,
    done: Reconciled,
    zone: CellZone,
) -> Reconciled:
    try:
        await service.results.trying(team, month, clock.now())
        last = None if zone.is_settled else await service.results.find(team, month)
        finding = await service.reconcile(team, month)
        is_made_by_zone = not zone.is_settled and not zone.is_of(last) and _is_expected(finding)
        is_news = bool(finding.differences) and not is_made_by_zone
        await notices.raise_([_notice(finding)] if is_news else [])
    except StoreUnavailable as error:
        _log.warning("A partition of %s could not be proved: %s", month, type(error).__name__)
        await _count_failure(service, notices, team, month, clock.now())
        return replace(done, failed=done.failed + 1)
    return replace(done, looked_at=done.looked_at + 1, different=done.different + is_news)


def _is_expected(finding: Finding) -> bool:
    """Whether nothing but cells was wrong, and is right now: another time zone makes that of every partition that there is."""
    return finding.is_clean and all(difference.problem in _OF_CELLS for difference in finding.differences)


async def _count_failure(
    service: ReconciliationService, notices: NoticeBoard, team: str, month: str, now: datetime
) -> None:
    """Tell of a partition that cannot be read again and again; where not even that can be written down, the log has said so."""
    try:
        failures = await service.results.failed(team, month, now)
        if failures.tries >= _TRIES and now - failures.since >= _LASTING:
            await notices.raise_([_unreadable(team, month, failures, now)])
    except StoreUnavailable as error:
        _log.warning("That a partition of %s could not be proved was not written down: %s", month, type(error).__name__)


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


def azure_names(deployments: Iterable[Deployment]) -> dict[str, Place]:
    """Return what leads from the gateway's names to Azure's: the account, and the deployment in it."""
    return {
        deployment.name: (
            deployment.endpoint.split("//")[-1].split(".")[0].lower(),
            ANY if "{model}" in deployment.upstream_name else deployment.upstream_name.lower(),
        )
        for deployment in deployments
        if deployment.provider == "azure_openai"
    }


async def _due(service: ReconciliationService, ledger: Ledger, zone: CellZone, now: datetime) -> Sequence[_Due]:
    """Return what to look at: what is to be counted anew, then the longest not tried."""
    anew = [] if zone.is_settled else await _due_again(service, ledger, zone, now)
    due: list[_Due] = []
    for month in _months(now, _MONTHS):
        last, tried = await _last(service, month), await service.results.tried(month)
        for team in await ledger.partitions(month):
            finding = last.get(team)
            if finding is None or not await _still_holds(finding, ledger, now):
                at = max(finding.at if finding else _BEGINNING, tried.get(team, _BEGINNING))
                due.append(_Due(_USUAL, at, team, month))
    first = {(each.team, each.month) for each in anew}
    return sorted([*anew, *(each for each in due if (each.team, each.month) not in first)])


async def _due_again(service: ReconciliationService, ledger: Ledger, zone: CellZone, now: datetime) -> Sequence[_Due]:
    """Return every partition whose cells were not proved to be of this time zone since it changed.

    Those come first that were not tried yet. The others take their turn with all else, and what takes too long comes last.
    """
    due: list[_Due] = []
    for month in _months(now, _ALL_MONTHS):
        if teams := await ledger.partitions(month):
            last, tried = await _last(service, month), await service.results.tried(month)
            for team in teams:
                finding = last.get(team)
                if not zone.is_of(finding):
                    at = tried.get(team, _BEGINNING)
                    rank = _LAST if finding and finding.is_too_large else _USUAL if at >= zone.since else _FIRST
                    due.append(_Due(rank, at, team, month))
    return sorted(due)


async def _last(service: ReconciliationService, month: str) -> dict[str, Finding]:
    return {finding.team: finding async for finding in service.results.of(month)}


def _months(now: datetime, count: int) -> Iterator[str]:
    """Return the UTC months up to this one, latest first."""
    month = now.astimezone(UTC).replace(day=1)
    for _ in range(count):
        yield f"{month:%Y-%m}"
        month = (month - timedelta(days=1)).replace(day=1)


async def _still_holds(finding: Finding, ledger: Ledger, now: datetime) -> bool:
    """What took too long is not tried again for a day, so that there is time for all else."""
    if now - finding.at >= AGAIN:
        return False
    if finding.is_too_large:
        return True
    if not finding.is_clean or finding.is_busy:
        return False
    return (await ledger.volume_head(finding.team, finding.month)).sequence == finding.sequence


def _zone_notice(zone: CellZone) -> Notice:
    return Notice(
        id=f"reconciliation|time zone|{zone.since:%Y%m%dT%H%M%S}",
        kind="reconciliation",
        severity="critical",
        title=f"The reporting time zone has become {zone.time_zone}",
        text="All hours, days and months of the ledger are counted anew. Until then figures of what is not ready "
        "are refused, reports wait, and no month is closed.",
        at=zone.since,
        facts=(("It was", zone.before or "not known"),),
    )


def _notice(finding: Finding) -> Notice:
    if finding.is_too_large:
        return _too_large(finding)
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
        team=team_of(finding.team),
    )


def _unreadable(team: str, month: str, failures: Failures, now: datetime) -> Notice:
    """The id holds the day: what lasts is told once a day."""
    return Notice(
        id=f"reconciliation|{month}|{team}|unreadable|{now:%Y-%m-%d}",
        kind="reconciliation",
        severity="critical",
        title=f"The ledger of {team} in {month} cannot be read",
        text="The store did not give it at any of the last tries, so nobody knows whether it is in order.",
        at=now,
        facts=(("Tries in a row", str(failures.tries)), ("Since", failures.since.isoformat(timespec="seconds"))),
        team=team_of(team),
    )


def _too_large(finding: Finding) -> Notice:
    return Notice(
        id=f"reconciliation|{finding.month}|{finding.team}|too large|{finding.at:%Y-%m-%d}",
        kind="reconciliation",
        severity="critical",
        title=f"The ledger of {finding.team} in {finding.month} is too large to prove in one run",
        text="It could not be read to its end in the time that a run has, so nobody knows whether it is in order.",
        at=finding.at,
        team=team_of(finding.team),
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
