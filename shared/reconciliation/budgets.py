"""Holds what budgets count as spent against what the ledger says of their scope, and names the difference.

The two are counted apart: a budget at the moment of a call, by every instance for itself; the ledger from the events, later.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast

from shared.budgets.model import allowance_of, rule_of
from shared.clock import Clock
from shared.directory.model import ORGANIZATION, Budget
from shared.documents import Document, DocumentExists, DocumentMissing, DocumentStore, Json, PreconditionFailed
from shared.leases.model import Level
from shared.ledger.model import CONTAINER, Dimensions, EntryType, Sums
from shared.reconciliation.ports import Counters, Ledger
from shared.reconciliation.results import PARTITION
from shared.reconciliation.spending import counted, shares_in
from shared.reconciliation.zone import ZoneStore
from shared.windows import Window

SETTLED_AFTER = timedelta(minutes=10)
"""How long a difference has to stay exactly the same before it is taken for one that will not go away by itself."""


class BudgetReason(StrEnum):
    """Why the two may differ for good reason."""

    IN_FLIGHT = "in_flight"
    PENDING = "pending"
    UNPRICED = "unpriced"
    ADJUSTED = "adjusted"
    ALLOCATED = "allocated"
    OTHER_CURRENCY = "other_currency"


_EXCUSES = frozenset({BudgetReason.PENDING, BudgetReason.UNPRICED})
"""Nobody knows yet what they will come to; while there are any, no difference is told."""


@dataclass(frozen=True, slots=True)
class BudgetFinding:
    """Amounts are nano-units. `difference` is the ledger's less the budget's; `reasons` go with how much speaks for each.

    In flight, adjusted, allocated and other currencies are nano-units, pending and unpriced are requests. `since` is when the
    difference was first seen as it is, and `before` what there was of it at the first look in the period: a budget made in the
    middle of one counts from then on. `repaired` was counted on the budget by this look.
    """

    budget: str
    scope: str
    window: Window
    at: datetime
    spent: int
    ledger: int
    reasons: tuple[tuple[BudgetReason, int], ...] = ()
    since: datetime | None = None
    before: int = 0
    repaired: int = 0

    @property
    def unexplained(self) -> int:
        """What is left of the difference where the reasons explain as much as they come to, and no more.

        An adjustment is counted on a budget if it is of a call that came late, and is not if it corrects a price: either is possible.
        """
        adjusted, other = self.amount(BudgetReason.ADJUSTED), self.amount(BudgetReason.OTHER_CURRENCY)
        lowest = min(0, adjusted) - max(0, other)
        highest = max(0, adjusted) + self.amount(BudgetReason.IN_FLIGHT)
        return _beyond(self.difference, lowest, highest)

    @property
    def missing(self) -> int:
        """What the budget did not count since it is looked at; less than nothing for what it counted too much."""
        return _beyond(self.unexplained, 0, self.before)

    @property
    def is_excused(self) -> bool:
        """Whether there is something now of which nobody knows yet what it costs."""
        return any(reason in _EXCUSES for reason, _ in self.reasons)

    @property
    def is_lasting(self) -> bool:
        """Whether something is missing, or too much, that nothing explains and that stays exactly as it is."""
        is_old = self.since is not None and self.at - self.since >= SETTLED_AFTER
        return bool(self.missing) and not self.is_excused and is_old

    def amount(self, reason: BudgetReason) -> int:
        return dict(self.reasons).get(reason, 0)

    @property
    def difference(self) -> int:
        return self.ledger - self.spent

    @property
    def percent(self) -> Decimal | None:
        """Of what the ledger says."""
        return (Decimal(self.difference) * 100 / self.ledger).quantize(Decimal("0.01")) if self.ledger else None


@dataclass(slots=True)
class _Account:
    """What the ledger says of a scope: `charged` to budgets, and what is not, by the reason for that."""

    charged: int = 0
    beside: dict[BudgetReason, int] = field(default_factory=dict)

    def take(self, dimensions: Dimensions, sums: Sums, currency: str) -> None:
        shares = shares_in(sums)
        cost = sums.get("cost", 0) - shares
        self._add(BudgetReason.ALLOCATED, shares)
        self._add(BudgetReason.PENDING, sums.get("pending", 0))
        self._add(BudgetReason.UNPRICED, sums.get("unpriced", 0))
        if dimensions.type is EntryType.ALLOCATION:
            self._add(BudgetReason.ALLOCATED, cost)
        elif dimensions.currency != currency:
            self._add(BudgetReason.OTHER_CURRENCY, cost)
        else:
            self.charged += cost
            self._add(BudgetReason.ADJUSTED, cost if dimensions.type is EntryType.ADJUSTMENT else 0)

    def _add(self, reason: BudgetReason, amount: int) -> None:
        self.beside[reason] = self.beside.get(reason, 0) + amount


class BudgetComparison:
    """Every method raises StoreUnavailable."""

    def __init__(
        self,
        documents: DocumentStore,
        ledger: Ledger,
        counters: Counters,
        clock: Clock,
        *,
        time_zone: str,
        currency: str = "USD",
    ) -> None:
        self._documents, self._ledger, self._counters = documents, ledger, counters
        self._clock, self._zone, self._currency = clock, time_zone, currency
        self._cells = ZoneStore(documents, clock, time_zone)

    async def compare(
        self, budgets: Iterable[tuple[Budget, str | None]], *, repair: bool = False
    ) -> list[BudgetFinding]:
        """Compare each budget in its current period; the second of a pair is the team it belongs to, None for several.

        Budgets with the same period share one reading of the ledger. While that is counted anew, there is nothing to compare with.
        """
        if not (await self._cells.state()).is_settled:
            return []
        now = self._clock.now()
        together: dict[tuple[datetime, datetime], list[tuple[Budget, str | None, Window]]] = {}
        for budget, team in budgets:
            window = rule_of(budget).at(now)
            together.setdefault((window.start, window.end), []).append((budget, team, window))
        findings: list[BudgetFinding] = []
        for group in together.values():
            accounts = await self._accounts([(budget, team) for budget, team, _ in group], group[0][2])
            for budget, _, window in group:
                findings.append(await self._compare(budget, window, accounts[budget.scope], repair=repair))
        return findings

    async def _compare(self, budget: Budget, window: Window, account: _Account, *, repair: bool) -> BudgetFinding:
        """The ledger was read before: what ends in between is on the budget alone, and is never counted on it again."""
        level = await self._counters.look(allowance_of(budget))
        finding = BudgetFinding(
            budget=budget.id,
            scope=budget.scope,
            window=window,
            at=self._clock.now(),
            spent=level.used,
            ledger=account.charged,
            reasons=tuple(_reasons(level, account)),
        )
        document = await self._documents.get(CONTAINER, PARTITION, _id(budget.id))
        return await self._keep(budget, _since(finding, document), document, repair=repair)

    async def _keep(
        self, budget: Budget, finding: BudgetFinding, document: Document | None, *, repair: bool
    ) -> BudgetFinding:
        """Say first that the difference is counted, then count it: killed in between it is found once more, never counted twice."""
        if repair and is_safe_to_count(finding):
            finding = replace(finding, repaired=finding.missing, since=None)
        body = _body_of(finding)
        try:
            if document is None:
                await self._documents.create(CONTAINER, PARTITION, body)
            else:
                await self._documents.replace(CONTAINER, PARTITION, body, document.etag)
        except (DocumentExists, DocumentMissing, PreconditionFailed):
            # Another instance looks at the same budget, and has said so first.
            return replace(finding, repaired=0)
        if finding.repaired:
            self._counters.count(allowance_of(budget), finding.repaired)
        return finding

    async def _accounts(self, budgets: Sequence[tuple[Budget, str | None]], window: Window) -> Mapping[str, _Account]:
        """Return what the ledger says of each scope in a window, in one reading of the teams that these belong to."""
        accounts = {budget.scope: _Account() for budget, _ in budgets}
        async for dimensions, sums in counted(self._ledger, window, self._zone, _teams(budgets)):
            for scope in scopes_of(dimensions):
                if scope in accounts:
                    accounts[scope].take(dimensions, sums, self._currency)
        return accounts


def scopes_of(dimensions: Dimensions) -> Iterator[str]:
    """Yield every scope that a budget can have on which what these dimensions stand for is counted."""
    team = f"teams/{dimensions.team}"
    yield ORGANIZATION
    yield team
    if dimensions.area is not None:
        yield f"areas/{dimensions.area}"
    if dimensions.key is not None:
        yield f"keys/{dimensions.key}"
    if dimensions.application is not None:
        yield f"{team}/applications/{dimensions.application}"
    if dimensions.user is not None:
        yield f"{team}/users/{dimensions.user}"


def _beyond(number: int, lowest: int, highest: int) -> int:
    """Return how far a number lies outside a range."""
    return number - min(max(number, lowest), highest)


def is_safe_to_count(finding: BudgetFinding) -> bool:
    """Whether the difference can be counted on the budget without anybody being charged twice or spending more than allowed.

    It must not be less than nothing, because money is only given back that nobody may still have spent; nothing may explain it;
    and it must have been exactly the same for a while, in which no call was under way.
    """
    return finding.is_lasting and finding.missing > 0 and not finding.amount(BudgetReason.IN_FLIGHT)


def _since(finding: BudgetFinding, document: Document | None) -> BudgetFinding:
    """Carry over what was there at the first look in the period, and since when the difference is what it is."""
    stored = cast("dict[str, Any]", document.body) if document else {}
    is_first = stored.get("window") != finding.window.id
    finding = replace(finding, before=_at_first(finding) if is_first else int(stored["before"]))
    is_same = (stored.get("window"), stored.get("spent"), stored.get("ledger")) == (
        finding.window.id,
        str(finding.spent),
        str(finding.ledger),
    )
    since = stored.get("since") if is_same and not finding.is_excused else None
    return replace(finding, since=datetime.fromisoformat(since) if since else finding.at)


def _at_first(finding: BudgetFinding) -> int:
    """Return what a budget did not count before it was looked at. What is in flight then may be part of that, or still come."""
    return max(0, min(finding.difference, finding.unexplained + finding.amount(BudgetReason.IN_FLIGHT)))


def _reasons(level: Level, account: _Account) -> Iterator[tuple[BudgetReason, int]]:
    known = {**account.beside, BudgetReason.IN_FLIGHT: level.leased}
    return ((reason, known[reason]) for reason in BudgetReason if known.get(reason))


def _teams(budgets: Iterable[tuple[Budget, str | None]]) -> list[str] | None:
    """Return the teams that the budgets belong to, None for all."""
    teams = {budget.scope.split("/")[1] if budget.scope.startswith("teams/") else team for budget, team in budgets}
    named = [team for team in teams if team is not None]
    return sorted(named) if len(named) == len(teams) else None


def _id(budget: str) -> str:
    return f"budget|{budget}"


def _body_of(finding: BudgetFinding) -> Json:
    """Figures are text: a budget of a large organization has more nano-units than a double keeps."""
    return {
        "schema": 1,
        "kind": "budget-finding",
        "id": _id(finding.budget),
        "budget": finding.budget,
        "scope": finding.scope,
        "window": finding.window.id,
        "at": finding.at.isoformat(),
        "spent": str(finding.spent),
        "ledger": str(finding.ledger),
        "difference": str(finding.difference),
        "reasons": [[reason.value, str(number)] for reason, number in finding.reasons],
        "since": finding.since.isoformat() if finding.since else None,
        "before": str(finding.before),
        "repaired": str(finding.repaired),
    }
