"""Holds what Azure charged for a deployment against what the ledger says, and names what is left and why it may be."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from shared.ledger.model import Capacity, Dimensions, EntryType, Sums, add
from shared.reconciliation.azure_costs import AzureCost, AzureCostStore, AzureImport, Place
from shared.reconciliation.ports import Ledger
from shared.reconciliation.spending import counted, shares_in
from shared.windows import Window

ANY = "*"
"""Stands for every deployment of an account: each has the name that the catalogue has for what was called."""

_TOGETHER = ", "
"""Joins the names that the gateway has for one deployment of Azure: its bill does not tell them apart."""

_LATE = timedelta(days=3)
_NEAR = 100
"""Token counts that differ by less than a hundredth are taken for the same."""


class Reason(StrEnum):
    """Why a residual may be there; several can be."""

    UNPRICED = "unpriced"
    ESTIMATED = "estimated"
    PENDING = "pending"
    CONTENT_FILTER = "content_filter"
    CURRENCY = "currency_differs"
    UNKNOWN_DEPLOYMENT = "unknown_deployment"
    UNTAGGED = "untagged"
    NOT_AT_AZURE = "not_at_azure"
    NOT_THROUGH_GATEWAY = "not_through_gateway"
    OTHER_PRICE = "other_price"
    PROVISIONED = "provisioned_capacity"
    PURCHASE = "purchase"
    NOT_COMPLETE = "export_not_complete"


@dataclass(frozen=True, slots=True)
class Cause:
    """A reason, and how much speaks for it: requests, tokens or nano-units, as `unit` says; None where that has no size."""

    reason: Reason
    amount: int | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A deployment's costs in one currency, in nano-units. `residual` is Azure's less ours.

    That is None where the other side has costs in other currencies only. `deployment` is the gateway's name, or several that stand
    for one of Azure's; None for what only Azure knows, and for what the ledger has of no deployment. `percent` is of Azure's costs.
    """

    deployment: str | None
    azure_name: str | None
    account: str | None
    currency: str
    azure: int
    ledger: int
    residual: int | None
    percent: Decimal | None
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """What all rows of a currency come to, in nano-units; `ledger` is all of the ledger's use. No residual where a row has none."""

    currency: str
    azure: int
    ledger: int
    residual: int | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A month, as far as an export tells of it: from the first of its days to the last, in UTC."""

    month: str
    export: AzureImport
    rows: tuple[Row, ...]

    @property
    def totals(self) -> tuple[Total, ...]:
        return tuple(_total(currency, self.rows) for currency in sorted({row.currency for row in self.rows}))


@dataclass(slots=True)
class _Side:
    """What both sides say of a deployment. `names` are the gateway's, of what has cost something."""

    names: set[str] = field(default_factory=set)
    azure: list[AzureCost] = field(default_factory=list)
    costs: dict[str, int] = field(default_factory=dict)
    sums: dict[str, Sums] = field(default_factory=dict)
    has_capacity: bool = False

    def take(self, dimensions: Dimensions, sums: Sums) -> None:
        """Count what the ledger says, but for shares of capacity: these are not what Azure charges for use."""
        currency = dimensions.currency
        if dimensions.deployment is not None:
            self.names.add(dimensions.deployment)
        self.sums[currency] = add(self.sums.get(currency, {}), sums)
        self.costs[currency] = self.costs.get(currency, 0) + sums.get("cost", 0) - shares_in(sums)
        self.has_capacity |= dimensions.capacity is Capacity.PROVISIONED

    @property
    def is_telling(self) -> bool:
        """Whether anything costs something, or may: calls that went nowhere do not."""
        return any(self.costs.values()) or any(sums.get("unpriced") for sums in self.sums.values())

    def counted(self, currency: str) -> Sums:
        """What was counted in a currency, and in those that nothing costs anything in: what has no price yet has none of its own."""
        return add(*(sums for each, sums in self.sums.items() if each == currency or not self.costs[each]))


type _Key = tuple[Place | None, str | None]
"""Where it is at Azure; for what is not there, or nobody knows where, the gateway's name of it."""


async def compare(
    store: AzureCostStore, ledger: Ledger, month: str, homes: Mapping[str, Place], time_zone: str
) -> Comparison | None:
    """Compare a UTC month with the export that counts for it; None where none was imported. Raises StoreUnavailable.

    `homes` lead from the gateway's names of deployments to the account and the deployment in it, both in lower case, or ANY. All that
    the ledger's use has cost is in some row.
    """
    export = await store.current(month)
    if export is None:
        return None
    sides: dict[_Key, _Side] = {}
    async for place, costs in store.costs(export):
        side = sides.setdefault((place, None), _Side())
        side.names.update(_names_of(place, homes))
        side.azure.extend(costs)
    async for dimensions, sums in counted(ledger, _days(export.first, export.last), time_zone):
        if dimensions.type is not EntryType.ALLOCATION:
            sides.setdefault(_key_of(dimensions, homes), _Side()).take(dimensions, sums)
    rows = [
        _row(key, side, currency, export, is_elsewhere=key[0] is None and key[1] not in homes)
        for key, side in sides.items()
        if key[0] is not None or side.is_telling
        for currency in _currencies(side)
    ]
    return Comparison(month, export, tuple(sorted(rows, key=lambda row: -abs(row.residual or row.azure or row.ledger))))


def _key_of(dimensions: Dimensions, homes: Mapping[str, Place]) -> _Key:
    account, name = homes.get(dimensions.deployment or "", (None, None))
    if name == ANY:
        name = dimensions.model.lower() if dimensions.model else None
    return ((account, name), None) if name else (None, dimensions.deployment)


def _names_of(place: Place, homes: Mapping[str, Place]) -> Iterator[str]:
    """Yield the gateway's names for a deployment of Azure: those of just this one, or else of any in its account."""
    account, deployment = place
    if deployment is None:
        return
    exact = [name for name, home in homes.items() if home == place]
    yield from exact or (name for name, home in homes.items() if home == (account, ANY))


def _total(currency: str, rows: Iterable[Row]) -> Total:
    same = [row for row in rows if row.currency == currency]
    residuals = [row.residual for row in same if row.residual is not None]
    is_whole = len(residuals) == len(same)
    return Total(
        currency, sum(row.azure for row in same), sum(row.ledger for row in same), sum(residuals) if is_whole else None
    )


def _days(first: date, last: date) -> Window:
    start, end = (datetime.combine(day, time(), UTC) for day in (first, last + timedelta(days=1)))
    return Window(first.isoformat(), start, end)


def _currencies(side: _Side) -> list[str]:
    """Return the currencies that either side has costs in, or else those that it counts in."""
    costly = {cost.currency for cost in side.azure} | {currency for currency, cost in side.costs.items() if cost}
    return sorted(costly or side.costs)


def _row(key: _Key, side: _Side, currency: str, export: AzureImport, *, is_elsewhere: bool) -> Row:
    place, name = key[0] or (None, None), _TOGETHER.join(sorted(side.names)) or None
    lines = [line for line in side.azure if line.currency == currency]
    usage = [line for line in lines if line.charge in ("usage", "refund")]
    azure = sum(line.cost for line in usage)
    ours = side.costs.get(currency, 0)
    is_comparable = (bool(ours) or not any(side.costs.values())) and (bool(lines) or not side.azure)
    residual = azure - ours if is_comparable else None
    percent = (Decimal(residual) * 100 / azure).quantize(Decimal("0.01")) if residual is not None and azure else None
    causes: list[Cause] = []
    if residual != 0:
        causes += _whereabouts(key, name, is_elsewhere=is_elsewhere, is_comparable=is_comparable)
        causes += _causes(side, currency, lines, azure, ours, export, is_comparable)
    return Row(name, place[1], place[0], currency, azure, ours, residual, percent, tuple(causes))


def _whereabouts(key: _Key, name: str | None, *, is_elsewhere: bool, is_comparable: bool) -> Iterator[Cause]:
    if not is_comparable:
        yield Cause(Reason.CURRENCY)
    if is_elsewhere:
        yield Cause(Reason.NOT_AT_AZURE)
    elif name is None and key[0] is not None:
        yield Cause(Reason.UNTAGGED if key[0][1] is None else Reason.UNKNOWN_DEPLOYMENT)


def _causes(
    side: _Side,
    currency: str,
    lines: Iterable[AzureCost],
    azure: int,
    ours: int,
    export: AzureImport,
    is_comparable: bool,
) -> Iterator[Cause]:
    sums = side.counted(currency)
    for reason, counter in _COUNTED:
        # What is settled may be counted apart from the call that began it: below nothing is no reason.
        if (number := sums.get(counter, 0)) > 0:
            yield Cause(reason, number, "requests")
    if side.has_capacity:
        yield Cause(Reason.PROVISIONED)
    if purchased := sum(line.cost for line in lines if line.charge not in ("usage", "refund")):
        yield Cause(Reason.PURCHASE, purchased, "nano")
    if is_comparable:
        yield from _by_tokens(sums, lines, azure, ours)
    if export.at.date() - export.last < _LATE:
        yield Cause(Reason.NOT_COMPLETE)


_COUNTED = (
    (Reason.UNPRICED, "unpriced"),
    (Reason.ESTIMATED, "estimated"),
    (Reason.PENDING, "pending"),
    (Reason.CONTENT_FILTER, "errors.content_filter"),
)


def _by_tokens(sums: Sums, lines: Iterable[AzureCost], azure: int, ours: int) -> Iterable[Cause]:
    """Where both sides count the same tokens only prices can differ; where Azure counts more, others call the deployment too."""
    measured = [line for line in lines if "tok" in line.meter.lower()]
    if not measured or any(line.quantity is None for line in measured):
        return
    theirs = sum(line.quantity or 0 for line in measured) // 1000
    tokens = sum(number for name, number in sums.items() if name.startswith("tokens."))
    difference = theirs - tokens
    if abs(difference) * _NEAR <= max(theirs, tokens):
        if abs(azure - ours) * _NEAR > abs(azure):
            yield Cause(Reason.OTHER_PRICE, azure - ours, "nano")
    elif difference > 0:
        yield Cause(Reason.NOT_THROUGH_GATEWAY, difference, "tokens")
