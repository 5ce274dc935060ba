"""Holds what budgets count as spent against what the ledger says of their scope, and names the difference.

The two are counted apart: a budget at the moment of a call, by every instance for itself; the ledger from the events, later.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast

from shared.budgets.model import allowance_of, rule_of
from shared.clock import Clock
from shared.directory.model import ORGANIZATION, Budget
from shared.documents import Document, DocumentExists, DocumentMissing, DocumentStore, Json, PreconditionFailed
from shared.leases.model import Level
from shared.ledger.model import CONTAINER, Dimensions, EntryType, Sums, add
from shared.reconciliation.ports import Counters, Ledger
from shared.reconciliation.results import PARTITION
from shared.reconciliation.spending import counted
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
    def missing(self) -> int:
        """What the budget did not count since it is looked at."""
        return self.difference - self.before

    @property
    def is_lasting(self) -> bool:
        """Whether something is missing, or too much, that nothing explains and that stays exactly as it is."""
        is_old = self.since is not None and self.at - self.since >= SETTLED_AFTER
        return bool(self.missing) and not self.reasons and is_old

    @property
    def difference(self) -> int:
        return self.ledger - self.spent

    @property
    def percent(self) -> Decimal | None:
        """Of what the ledger says."""
        return (Decimal(self.difference) * 100 / self.ledger).quantize(Decimal("0.01")) if self.ledger else None


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

    async def compare(
        self, budgets: Iterable[tuple[Budget, str | None]], *, repair: bool = False
    ) -> list[BudgetFinding]:
        """Compare each budget in its current period; the second of a pair is the team it belongs to, None for several."""
        return [await self._compare(budget, team, repair=repair) for budget, team in budgets]

    async def _compare(self, budget: Budget, team: str | None, *, repair: bool) -> BudgetFinding:
        now = self._clock.now()
        window = rule_of(budget).at(now)
        level = await self._counters.look(allowance_of(budget))
        theirs, ours = await self._ledger_of(budget.scope, window, team)
        finding = BudgetFinding(
            budget=budget.id,
            scope=budget.scope,
            window=window,
            at=now,
            spent=level.used,
            ledger=theirs.get("cost", 0),
            reasons=tuple(_reasons(level, theirs, ours)),
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

    async def _ledger_of(self, scope: str, window: Window, team: str | None) -> tuple[Sums, Sums]:
        """Return what budgets are charged, and beside it what they are not: shares of capacity, and other currencies."""
        charged: Sums = {}
        beside: dict[str, int] = {}
        async for dimensions, sums in counted(self._ledger, window, self._zone, _teams(scope, team)):
            if not holds(scope, dimensions):
                continue
            cost = sums.get("cost", 0)
            if dimensions.type is EntryType.ALLOCATION:
                beside["allocated"] = beside.get("allocated", 0) + cost
            elif dimensions.currency != self._currency:
                beside["other"] = beside.get("other", 0) + cost
            else:
                charged = add(charged, sums)
                if dimensions.type is EntryType.ADJUSTMENT:
                    beside["adjusted"] = beside.get("adjusted", 0) + cost
        return charged, beside


def holds(scope: str, dimensions: Dimensions) -> bool:
    """Whether what these dimensions stand for is counted on a budget of this scope."""
    if scope == ORGANIZATION:
        return True
    kind, _, rest = scope.partition("/")
    if kind == "areas":
        return dimensions.area == rest
    if kind == "keys":
        return dimensions.key == rest
    team, _, below = rest.partition("/")
    level, _, name = below.partition("/")
    member = {"applications": dimensions.application, "users": dimensions.user}.get(level)
    return dimensions.team == team and (not below or member == name)


def is_safe_to_count(finding: BudgetFinding) -> bool:
    """Whether the difference can be counted on the budget without anybody being charged twice or spending more than allowed.

    It must not be less than nothing, because money is only given back that nobody may still have spent; nothing may explain it;
    and it must have been exactly the same for a while, in which no call was under way.
    """
    return finding.is_lasting and finding.missing > 0


def _since(finding: BudgetFinding, document: Document | None) -> BudgetFinding:
    """Carry over what was there at the first look in the period, and since when the difference is what it is."""
    stored = cast("dict[str, Any]", document.body) if document else {}
    is_first = stored.get("window") != finding.window.id
    finding = replace(finding, before=max(0, finding.difference) if is_first else int(stored["before"]))
    is_same = (stored.get("window"), stored.get("spent"), stored.get("ledger")) == (
        finding.window.id,
        str(finding.spent),
        str(finding.ledger),
    )
    since = stored.get("since") if is_same and not finding.reasons else None
    return replace(finding, since=datetime.fromisoformat(since) if since else finding.at)


def _reasons(level: Level, charged: Sums, beside: Sums) -> Iterable[tuple[BudgetReason, int]]:
    known = (
        (BudgetReason.IN_FLIGHT, level.leased),
        (BudgetReason.PENDING, charged.get("pending", 0)),
        (BudgetReason.UNPRICED, charged.get("unpriced", 0)),
        (BudgetReason.ADJUSTED, beside.get("adjusted", 0)),
        (BudgetReason.ALLOCATED, beside.get("allocated", 0)),
        (BudgetReason.OTHER_CURRENCY, beside.get("other", 0)),
    )
    return ((reason, number) for reason, number in known if number)


def _teams(scope: str, team: str | None) -> Sequence[str] | None:
    if scope.startswith("teams/"):
        return [scope.split("/")[1]]
    return [team] if team is not None else None


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
