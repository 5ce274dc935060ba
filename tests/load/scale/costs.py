"""What an environment costs a month: idle, and at some calls a second that go on day and night."""

from decimal import Decimal
from math import ceil, exp

from tests.load.scale import prices
from tests.load.scale.capacity import delivery, http_instances, ingest_instances
from tests.load.scale.facts import (
    EVENT_BYTES,
    FEED_READS_PER_S,
    LEAST_BILLED_S,
    STORED_BYTES,
    TIMER_RUNS_PER_DAY,
)
from tests.load.scale.posting import units_per_event
from tests.load.scale.settings import MONTH_S, Calls, Environment, zipf

RATES = (0, 1, 10, 100)
ENDPOINTS, ZONES, ALERT_RULES = 9, 7, 13
"""As in infra-bicep: vault, host's blob, queue and table, reports, Cosmos DB, Service Bus, models, and the gateway itself."""

PEAK = 2
"""Autoscale bills each hour for its busiest second; so much busier than the average it is taken to be."""

LEASE_UNITS_PER_S = 8
"""RU of an instance's leases and looks a second: four accounts, a write every two seconds each, and a read of what others spent."""

TIMER_UNITS = 30
"""RU of a run of a timer. Assumed."""

LOG_BYTES_PER_CALL = 5_500
"""A line of the access log, the host's two lines and its request, a tenth of the spans. Assumed: each is a kilobyte and more."""

LOG_BYTES_PER_INSTANCE_S = 700
"""Metrics: sixty series a minute. Assumed."""

type Row = dict[str, Decimal]


def of(rate: float, environment: Environment, calls: Calls, *, front_door: bool = False) -> Row:
    """Dollars a month by component, at a steady rate of calls a second."""
    row = {
        "instances": _instances(rate, environment, calls),
        "Cosmos DB": _cosmos(rate, environment, calls),
        "Service Bus": _bus(rate, environment),
        "private network": _network(rate, environment, calls),
        "logs, metrics, alerts": _logs(rate, environment, calls),
        "storage": prices.HOST_STORAGE.usd,
    }
    if front_door:
        row["Front Door"] = prices.FRONT_DOOR.usd + prices.FRONT_DOOR_REQUESTS.usd * _dec(rate * MONTH_S / 1e4)
    return row


def models(rate: float, calls: Calls, input_price: Decimal, output_price: Decimal) -> Decimal:
    """Dollars a month for the tokens themselves, by prices of a million."""
    tokens = calls.input_tokens * input_price + calls.output_tokens * output_price
    return tokens * _dec(rate * MONTH_S) / 10**6


def _instances(rate: float, environment: Environment, calls: Calls) -> Decimal:
    """An instance is billed while it has any call, however little it does; what waits for a model costs as much as what works."""
    gigabytes, ready = environment.memory_mb / 1024, environment.always_ready
    count = http_instances(rate, environment, calls)
    busy_s = MONTH_S * (1 - exp(-rate * calls.seconds / count))
    on_demand = max(0, count - ready) * busy_s + _jobs_s(rate, environment)
    executions = rate * MONTH_S + _deliveries_per_s(rate, environment) * MONTH_S + _timer_runs()
    return (
        prices.READY_BASELINE.usd * _dec(ready * MONTH_S * gigabytes)
        + prices.READY_EXECUTION.usd * _dec(min(count, ready) * busy_s * gigabytes if ready else 0)
        + prices.EXECUTION.usd * _dec(max(0.0, on_demand * gigabytes - prices.FREE_GB_S))
        + prices.EXECUTIONS.usd * _dec(max(0.0, executions - prices.FREE_EXECUTIONS) / 1e6)
    )


def _jobs_s(rate: float, environment: Environment) -> float:
    """Seconds billed for timers and for the ingest: each run counts as a second at least. Waiting for more messages is no run."""
    busy = min(1.0, _deliveries_per_s(rate, environment) * LEAST_BILLED_S.value)
    return MONTH_S * busy * ingest_instances(rate, environment) + _timer_runs() * LEAST_BILLED_S.value


def _timer_runs() -> float:
    return TIMER_RUNS_PER_DAY * MONTH_S / 86_400


def _deliveries_per_s(rate: float, environment: Environment) -> float:
    return rate / delivery(rate, environment)


def _cosmos(rate: float, environment: Environment, calls: Calls) -> Decimal:
    ledger = rate * units_per_event(delivery(rate, environment), zipf(calls.teams))
    instances = http_instances(rate, environment, calls) if rate else 0
    counters, others = (
        instances * LEASE_UNITS_PER_S,
        instances * FEED_READS_PER_S.value + _timer_runs() * TIMER_UNITS / MONTH_S,
    )
    stored = prices.STORED.usd * _dec(rate * MONTH_S * STORED_BYTES.value / 1e9)
    if environment.units is None:
        return stored + prices.SERVERLESS_UNITS.usd * _dec((ledger + counters + others) * MONTH_S / 1e6)
    hundreds = sum(
        ceil(min(most, max(most / 10, used * PEAK)) / 100)
        for used, most in zip((ledger, counters, others), environment.units, strict=True)
    )
    factor = prices.ZONES.usd if environment.zones else 1
    return stored + prices.AUTOSCALE_UNITS.usd * hundreds * _dec(MONTH_S / 3600) * factor


def _bus(rate: float, environment: Environment) -> Decimal:
    if environment.messaging_units is not None:
        return prices.BUS_PREMIUM.usd * environment.messaging_units
    millions = _dec(3 * rate * MONTH_S / 1e6)
    """Sending, receiving and completing are an operation each."""
    usual = min(max(millions - 13, Decimal()), Decimal(87))
    return (
        prices.BUS_STANDARD.usd
        + prices.BUS_OPERATIONS.usd * usual
        + prices.BUS_OPERATIONS_BEYOND.usd * max(millions - 100, Decimal())
    )


def _network(rate: float, environment: Environment, calls: Calls) -> Decimal:
    if not environment.is_private:
        return Decimal()
    gigabytes = rate * MONTH_S * (2 * calls.body_bytes + 4 * EVENT_BYTES.value) / 1e9
    return prices.ENDPOINT.usd * ENDPOINTS + prices.DNS_ZONE.usd * ZONES + prices.ENDPOINT_DATA.usd * _dec(gigabytes)


def _logs(rate: float, environment: Environment, calls: Calls) -> Decimal:
    instances = (
        http_instances(rate, environment, calls) + ingest_instances(rate, environment)
        if rate
        else environment.always_ready
    )
    gigabytes = MONTH_S * (rate * LOG_BYTES_PER_CALL + instances * LOG_BYTES_PER_INSTANCE_S) / 1e9
    gigabytes = min(gigabytes, environment.log_gb_a_day * MONTH_S / 86_400)
    return prices.LOGS.usd * _dec(gigabytes) + prices.ALERT.usd * ALERT_RULES


def _dec(number: float) -> Decimal:
    return Decimal(str(round(number, 6)))
