"""What Azure charges, in US dollars: each price by name, with where it is from and whether that could be checked."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

REGION = "Sweden Central, where prices differ from East US by a few percent"
REVIEWED = date(2026, 11, 21)
_PAGE = "https://azure.microsoft.com/pricing/details/"


@dataclass(frozen=True, slots=True)
class Rate:
    """`checked` names what confirmed it; None: a list price from memory, to be looked up before anybody relies on it."""

    usd: Decimal
    per: str
    source: str
    checked: str | None = None


def _rate(usd: str, per: str, page: str, checked: str | None = None) -> Rate:
    return Rate(Decimal(usd), per, _PAGE + page, checked)


EXECUTION = _rate("0.000026", "GB-s on demand", "functions/", "a third party's overview of 2025")
EXECUTIONS = _rate("0.40", "million executions", "functions/")
READY_BASELINE = _rate("0.000004", "GB-s of an always-ready instance", "functions/")
READY_EXECUTION = _rate("0.000016", "GB-s of an always-ready instance at work", "functions/")
SERVERLESS_UNITS = _rate("0.25", "million RU, serverless", "cosmos-db/autoscale-provisioned/")
AUTOSCALE_UNITS = _rate("0.012", "100 RU/s and hour, autoscale", "cosmos-db/autoscale-provisioned/")
ZONES = _rate("1.25", "factor for zones; some lists waive it with autoscale", "cosmos-db/autoscale-provisioned/")
STORED = _rate("0.25", "GB-month in Cosmos DB", "cosmos-db/autoscale-provisioned/")
BUS_STANDARD = _rate("10.00", "month, with 13 million operations", "service-bus/", "the tiers, not the amounts")
BUS_OPERATIONS = _rate("0.80", "million operations up to 100 million", "service-bus/", "the tiers, not the amounts")
BUS_OPERATIONS_BEYOND = _rate("0.50", "million operations beyond", "service-bus/", "the tiers, not the amounts")
BUS_PREMIUM = _rate("677.00", "messaging unit and month", "service-bus/")
ENDPOINT = _rate("7.30", "private endpoint and month", "private-link/", "two third parties' overviews, 2025 and 2026")
ENDPOINT_DATA = _rate(
    "0.01", "GB through a private endpoint, each way", "private-link/", "two third parties' overviews, 2025 and 2026"
)
DNS_ZONE = _rate("0.50", "private DNS zone and month", "dns/", "a third party's overview of 2025")
LOGS = _rate("2.76", "GB into Log Analytics", "monitor/")
ALERT = _rate("1.50", "log alert rule every five minutes and month", "monitor/")
FRONT_DOOR = _rate("330.00", "Front Door Premium and month", "frontdoor/")
FRONT_DOOR_REQUESTS = _rate("0.015", "10,000 requests through Front Door Premium", "frontdoor/")
HOST_STORAGE = _rate("3.00", "month: the host's blobs and the package, roughly", "storage/blobs/")

RATES = {name: value for name, value in list(globals().items()) if isinstance(value, Rate)}

FREE_GB_S, FREE_EXECUTIONS = 100_000, 250_000
"""On demand, a month and subscription."""
