"""FOCUS 1.2, dataset Cost and Usage: a row for each day, combination of dimensions and thing bought (https://focus.finops.org)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import orjson

from shared.finance.report import Column, Kind, Row, Table
from shared.finance.spool import Spool
from shared.ledger.model import Cell, Dimensions, EntryType, Grain, Sums, start_of
from shared.money import NANO

VERSION = "1.2"

_COSTS = ("BilledCost", "EffectiveCost", "ContractedCost", "ListCost")
_TEXTS = (
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "InvoiceIssuerName",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceSubcategory",
    "ServiceName",
    "SubAccountId",
    "SubAccountName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "SkuPriceDetails",
    "CommitmentDiscountStatus",
    "InvoiceId",
    "PricingCategory",
    "PricingUnit",
    "ConsumedUnit",
    "Tags",
    "x_Model",
    "x_Processing",
    "x_ServiceTier",
    "x_Capacity",
)
_MOMENTS = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")
_QUANTITIES = ("PricingQuantity", "ConsumedQuantity")
COLUMNS = (
    *(Column(name, name, Kind.MOMENT) for name in _MOMENTS),
    *(Column(name, name, Kind.MONEY) for name in _COSTS),
    *(Column(name, name, Kind.QUANTITY) for name in _QUANTITIES),
    *(Column(name, name) for name in _TEXTS),
)

_ACCOUNT = "organization"
_SERVICES = {
    "azure_openai": ("Azure OpenAI", "Microsoft"),
    "openai": ("OpenAI API", "OpenAI"),
    "anthropic": ("Claude API", "Anthropic"),
}
_TAGGED = ("cost_center", "project", "client", "area", "application", "user")
_MILLION = 1_000_000


class Measure(NamedTuple):
    """`scale` of what is counted make one consumed unit, `pack` consumed units one pricing unit; both divide NANO."""

    unit: str
    scale: int
    pack: int

    @property
    def pricing_unit(self) -> str:
        return self.unit if self.pack == 1 else f"{self.pack} {self.unit}"


_UNITS = {
    "audio_ms": Measure("Seconds", 1000, 1),
    "characters": Measure("Characters", 1, _MILLION),
    "images": Measure("Images", 1, 1),
}
_TOKENS = Measure("Tokens", 1, _MILLION)
_SHARES = Measure("Allocations", 1, 1)


class FocusRows:
    """Takes the ledger's day cells, team by team, and keeps their rows."""

    def __init__(self, time_zone: str) -> None:
        self._time_zone = time_zone
        self._spool = Spool(COLUMNS)
        self._periods: dict[datetime, Row] = {}
        # The same people use the same models day after day.
        self._texts = lru_cache(maxsize=16_384)(_texts)

    def add(self, cell: Cell) -> None:
        for row in self._rows(cell):
            self._spool.append(row)

    def keep(self) -> None:
        self._spool.keep()

    def drop(self) -> None:
        self._spool.drop()

    def close(self) -> None:
        self._spool.close()

    def table(self) -> Table:
        return Table("focus", f"FOCUS {VERSION}, Cost and Usage", COLUMNS, self._spool, {"BilledCost": "cost"})

    def _rows(self, cell: Cell) -> Iterator[Row]:
        lines = {name.removeprefix("cost."): cost for name, cost in cell.sums.items() if name.startswith("cost.")}
        rest = cell.cost - sum(lines.values())
        if rest:
            lines["provisioned_capacity" if cell.key.dimensions.type is EntryType.ALLOCATION else "other"] = rest
        for line in sorted(lines):
            quantities, texts = _quantities(cell, line), self._texts(cell.key.dimensions, line)
            yield (*self._period(cell.key.start), *[lines[line]] * len(_COSTS), *quantities, *texts)

    def _period(self, start: datetime) -> Row:
        """Return the month and the day, each as a half-open stretch of time."""
        known = self._periods.get(start)
        if known is None:
            zone = self._time_zone
            # 26 hours reach the next day also where the clock goes back.
            end = start_of(Grain.DAY, start + timedelta(hours=26), zone)
            month = start_of(Grain.MONTH, start, zone)
            next_month = start_of(Grain.MONTH, month + timedelta(days=33), zone)
            known = self._periods[start] = (month, next_month, start, end)
        return known


def _texts(dimensions: Dimensions, line: str) -> tuple[str | None, ...]:
    service, publisher = _SERVICES.get(dimensions.provider or "", (dimensions.provider or "AI gateway",) * 2)
    model = dimensions.model or dimensions.deployment or service
    is_adjustment = dimensions.type is EntryType.ADJUSTMENT
    sku = "/".join(part or "-" for part in (dimensions.provider, dimensions.model, dimensions.region, dimensions.tier))
    resource, measure = dimensions.deployment, _measured(dimensions, line)
    texts = {
        "BillingAccountId": _ACCOUNT,
        "BillingAccountName": _ACCOUNT,
        "BillingCurrency": dimensions.currency,
        "ChargeCategory": "Adjustment" if is_adjustment else "Usage",
        "ChargeDescription": f"{model}: {line.replace('_', ' ')}",
        "ChargeFrequency": "One-Time" if is_adjustment else "Usage-Based",
        "InvoiceIssuerName": publisher,
        "ProviderName": publisher,
        "PublisherName": publisher,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceSubcategory": "Generative AI",
        "ServiceName": service,
        "SubAccountId": dimensions.team,
        "SubAccountName": dimensions.team,
        "ResourceId": resource,
        "ResourceName": resource,
        "ResourceType": "Deployment" if resource else None,
        "SkuId": None if is_adjustment else sku,
        "SkuMeter": None if is_adjustment else line,
        "SkuPriceId": None if is_adjustment else f"{sku}/{line}",
        "SkuPriceDetails": None if is_adjustment else _details(dimensions),
        "PricingCategory": None if is_adjustment else "Standard",
        "Tags": _tags(dimensions),
        "x_Model": dimensions.model,
        "x_Processing": dimensions.region,
        "x_ServiceTier": dimensions.tier,
        "x_Capacity": dimensions.capacity,
        "PricingUnit": measure and measure.pricing_unit,
        "ConsumedUnit": measure and measure.unit,
    }
    return tuple(texts.get(name) for name in _TEXTS)


def _details(dimensions: Dimensions) -> str:
    details = {
        "x_Processing": dimensions.region,
        "x_ServiceTier": dimensions.tier,
        "x_Capacity": str(dimensions.capacity),
    }
    return orjson.dumps({name: value for name, value in details.items() if value is not None}).decode()


def _tags(dimensions: Dimensions) -> str:
    tags = {name: value for name in _TAGGED if (value := getattr(dimensions, name)) is not None}
    return orjson.dumps(tags, option=orjson.OPT_SORT_KEYS).decode()


def _measured(dimensions: Dimensions, line: str) -> Measure | None:
    if dimensions.type is EntryType.ADJUSTMENT or line == "other":
        return None
    return _SHARES if dimensions.type is EntryType.ALLOCATION else _UNITS.get(line, _TOKENS)


def _quantities(cell: Cell, line: str) -> tuple[int | None, int | None]:
    """Return the quantities priced and consumed, in nano-units. An adjustment has none: it corrects money, not use."""
    measure = _measured(cell.key.dimensions, line)
    if measure is None:
        return None, None
    counted = _counted(cell.sums, cell.key.dimensions, line)
    consumed = counted * (NANO // measure.scale)
    return consumed // measure.pack, consumed


def _counted(sums: Sums, dimensions: Dimensions, line: str) -> int:
    if dimensions.type is EntryType.ALLOCATION:
        return sums.get("entries", 0)
    return sums.get(f"units.{line}" if line in _UNITS else f"tokens.{line}", 0)
