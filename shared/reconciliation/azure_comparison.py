"""Holds what Azure charged for a deployment against what the ledger says, and names what is left and why it may be."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from shared.ledger.model import Capacity, EntryType, Sums, add
from shared.reconciliation.azure_costs import AzureCost, AzureCostStore, AzureImport, Place
from shared.reconciliation.ports import Ledger
from shared.reconciliation.spending import counted
from shared.windows import Window

ANY = "*"
"""Stands for every deployment of an account."""

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
    """A deployment's costs in nano-units. `residual` is Azure's less ours, None where they are in different currencies.

    `deployment` is the gateway's name, None for what only Azure knows; `percent` is of Azure's costs.
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
class Comparison:
    """A month, as far as an export tells of it: from the first of its days to the last, in UTC."""

    month: str
    export: AzureImport
    rows: tuple[Row, ...]


@dataclass(slots=True)
class _Side:
    """What one side says of a deployment."""

    places: set[Place] = field(default_factory=set)
    azure: list[AzureCost] = field(default_factory=list)
    costs: dict[str, int] = field(default_factory=dict)
    sums: Sums = field(default_factory=dict)
    has_capacity: bool = False


type _Key = tuple[str | None, Place | None]


async def compare(
    store: AzureCostStore, ledger: Ledger, month: str, names: Mapping[Place, str], time_zone: str
) -> Comparison | None:
    """Compare a UTC month with the export that counts for it; None where none was imported. Raises StoreUnavailable.

    `names` leads from an account and a deployment in it, both in lower case, to the gateway's name of it.
    """
    export = await store.current(month)
    if export is None:
        return None
    sides: dict[_Key, _Side] = {}
    async for place, costs in store.costs(export):
        name = _named(place, names)
        side = sides.setdefault((name, None if name else place), _Side())
        side.places.add(place)
        side.azure.extend(costs)
    known = set(names.values())
    async for dimensions, sums in counted(ledger, _days(export.first, export.last), time_zone):
        if dimensions.deployment not in known or dimensions.type is EntryType.ALLOCATION:
            continue
        side = sides.setdefault((dimensions.deployment, None), _Side())
        side.sums = add(side.sums, sums)
        side.costs[dimensions.currency] = side.costs.get(dimensions.currency, 0) + sums.get("cost", 0)
        side.has_capacity |= dimensions.capacity is Capacity.PROVISIONED
    rows = [_row(key, side, currency, export) for key, side in sides.items() for currency in _currencies(side)]
    return Comparison(month, export, tuple(sorted(rows, key=lambda row: -abs(row.residual or row.azure or row.ledger))))


def _days(first: date, last: date) -> Window:
    start, end = (datetime.combine(day, time(), UTC) for day in (first, last + timedelta(days=1)))
    return Window(first.isoformat(), start, end)


def _named(place: Place, names: Mapping[Place, str]) -> str | None:
    account, deployment = place
    if deployment is None:
        return None
    found = (names.get(candidate) for candidate in (place, (None, deployment), (account, ANY)))
    return next((name for name in found if name is not None), None)


def _currencies(side: _Side) -> list[str]:
    """One row for each currency; where the two sides have one each and they differ, one row tells of both."""
    azure = {cost.currency for cost in side.azure}
    return sorted(azure) if azure else sorted(side.costs)


def _row(key: _Key, side: _Side, currency: str, export: AzureImport) -> Row:
    name, place = key
    lines = [line for line in side.azure if line.currency == currency]
    usage = [line for line in lines if line.charge in ("usage", "refund")]
    azure = sum(line.cost for line in usage)
    is_comparable = currency in side.costs or not any(side.costs.values())
    ours = side.costs.get(currency, 0) if is_comparable else sum(side.costs.values())
    residual = azure - ours if is_comparable else None
    shown = place or next(iter(sorted(side.places, key=str)), (None, None))
    percent = (Decimal(residual) * 100 / azure).quantize(Decimal("0.01")) if residual is not None and azure else None
    is_explained = residual == 0
    causes = () if is_explained else tuple(_causes(name, shown, side, lines, azure, ours, export, is_comparable))
    return Row(name, shown[1], shown[0], currency, azure, ours, residual, percent, causes)


def _causes(
    name: str | None,
    place: Place,
    side: _Side,
    lines: Iterable[AzureCost],
    azure: int,
    ours: int,
    export: AzureImport,
    is_comparable: bool,
) -> Iterable[Cause]:
    if not is_comparable:
        yield Cause(Reason.CURRENCY)
    if name is None:
        yield Cause(Reason.UNTAGGED if place[1] is None else Reason.UNKNOWN_DEPLOYMENT)
    for reason, counter in _COUNTED:
        if number := side.sums.get(counter, 0):
            yield Cause(reason, number, "requests")
    if side.has_capacity:
        yield Cause(Reason.PROVISIONED)
    if purchased := sum(line.cost for line in lines if line.charge not in ("usage", "refund")):
        yield Cause(Reason.PURCHASE, purchased, "nano")
    yield from _by_tokens(side, lines, azure, ours)
    if export.at.date() - export.last < _LATE:
        yield Cause(Reason.NOT_COMPLETE)


_COUNTED = (
    (Reason.UNPRICED, "unpriced"),
    (Reason.ESTIMATED, "estimated"),
    (Reason.PENDING, "pending"),
    (Reason.CONTENT_FILTER, "errors.content_filter"),
)


def _by_tokens(side: _Side, lines: Iterable[AzureCost], azure: int, ours: int) -> Iterable[Cause]:
    """Where both sides count the same tokens only prices can differ; where Azure counts more, others call the deployment too."""
    measured = [line for line in lines if "tok" in line.meter.lower()]
    if not measured or any(line.quantity is None for line in measured):
        return
    theirs = sum(line.quantity or 0 for line in measured) // 1000
    tokens = sum(number for name, number in side.sums.items() if name.startswith("tokens."))
    difference = theirs - tokens
    if abs(difference) * _NEAR <= max(theirs, tokens):
        if abs(azure - ours) * _NEAR > abs(azure):
            yield Cause(Reason.OTHER_PRICE, azure - ours, "nano")
    elif difference > 0:
        yield Cause(Reason.NOT_THROUGH_GATEWAY, difference, "tokens")
