"""The model on paper: how much of each component some calls a second take, what runs out first, and what to change then."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from tests.load.scale import facts
from tests.load.scale.accounts import read_units, write_units
from tests.load.scale.posting import units_per_event
from tests.load.scale.settings import Calls, Environment, zipf

BUSY = 0.7
"""How full instances and cores may be before more are started."""

ACCOUNT_WRITES_PER_S = 60.0
"""Exchanges a second that one account bears before some are given up: the simulation's knee, at 100 instances."""

_CYCLE_S = 0.1


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of a component in `unit`, and what it has."""

    component: str
    asked: float
    most: float
    unit: str
    remedy: str

    @property
    def percent(self) -> float:
        return 100 * self.asked / self.most


def cpu_per_call_s(calls: Calls) -> float:
    plain, streamed = facts.CPU_PER_CALL_MS.value, facts.CPU_PER_STREAM_MS.value
    return (plain + calls.streamed * (streamed - plain)) / 1000


def http_instances(rate: float, environment: Environment, calls: Calls) -> int:
    """By calls at a time and by cores, whichever takes more."""
    cores = environment.memory_mb / 2048
    by_calls = rate * calls.seconds / environment.http_concurrency / BUSY
    by_cpu = rate * cpu_per_call_s(calls) / cores / BUSY
    return max(1, environment.always_ready, ceil(by_calls), ceil(by_cpu))


def delivery(rate: float, environment: Environment) -> float:
    """How many messages the ingest takes at a time, while one instance is enough: what came while it waited for enough, or was at work."""
    gathered = min(float(environment.least_batch), 1 + rate * environment.batch_wait_s)
    return min(environment.batch, max(gathered, rate * _CYCLE_S))


def ingest_instances(rate: float, environment: Environment) -> int:
    by_cpu = rate * facts.CPU_PER_EVENT_US.value / 1e6 / BUSY
    return max(1, ceil(by_cpu), ceil(rate * _CYCLE_S / environment.batch))


def loads(rate: float, environment: Environment, calls: Calls) -> Iterator[Load]:
    """The gateway's own components, and at the end the models that it calls."""
    yield from _functions(rate, environment, calls)
    yield _bus(rate, environment)
    yield from _ledger(rate, environment, calls)
    yield from _counters(http_instances(rate, environment, calls), environment)
    tokens = rate * 60 * (calls.input_tokens + calls.output_tokens)
    yield Load(
        "one deployment of a model",
        tokens,
        environment.tokens_per_minute,
        "tokens/min",
        "more deployments in a route, more quota, provisioned units",
    )


def _functions(rate: float, environment: Environment, calls: Calls) -> Iterator[Load]:
    instances = http_instances(rate, environment, calls)
    yield Load(
        "instances for calls",
        instances,
        environment.most_instances,
        "instances",
        "maximumInstanceCount, up to 1,000; a higher httpConcurrency",
    )
    memory = (instances + ingest_instances(rate, environment) + 2) * environment.memory_mb
    yield Load(
        "memory in the region",
        memory,
        facts.MEMORY_QUOTA_MB.value,
        "MB",
        "ask Azure's support for quota; several regions",
    )


def _bus(rate: float, environment: Environment) -> Load:
    if environment.messaging_units is None:
        return Load("Service Bus, Standard", 2 * rate, facts.STANDARD_CREDITS.value, "credits/s", "Premium")
    most = environment.messaging_units * facts.PREMIUM_MESSAGES.value
    return Load("Service Bus, Premium", rate, most, "messages/s", "more messaging units, up to 16")


def _ledger(rate: float, environment: Environment, calls: Calls) -> Iterator[Load]:
    shares = zipf(calls.teams)
    units, share = units_per_event(delivery(rate, environment), shares), shares[0]
    most = environment.units[0] if environment.units else facts.SERVERLESS_UNITS.value
    yield Load("ledger, throughput", rate * units, most, "RU/s", "maxThroughput of `ledger`; larger deliveries")
    of_one = min(most, facts.PARTITION_UNITS.value)
    yield Load(
        "ledger, largest team's partition", share * rate * units, of_one, "RU/s", "partitions by team, month and shard"
    )


def _counters(instances: int, environment: Environment) -> Iterator[Load]:
    exchanges = instances * facts.LEASE_WRITES_PER_S.value
    yield Load(
        "the organization's budget",
        exchanges,
        ACCOUNT_WRITES_PER_S,
        "exchanges/s",
        "a higher httpConcurrency; accounts in parts",
    )
    units = 4 * exchanges * (2 * read_units(instances) + write_units(instances))
    most = environment.units[1] if environment.units else facts.SERVERLESS_UNITS.value
    yield Load("counters, four accounts for all", units, most, "RU/s", "maxThroughput of `counters`; fewer instances")
    shared = environment.units[2] if environment.units else facts.SERVERLESS_UNITS.value
    yield Load(
        "change feed of the directory", instances * facts.FEED_READS_PER_S.value, shared, "RU/s", "sharedMaxThroughput"
    )


def table(rates: tuple[int, ...], environment: Environment, calls: Calls) -> list[list[str]]:
    """Percent of each component at each rate; what is over its limit is marked."""
    columns = [list(loads(rate, environment, calls)) for rate in rates]
    head = [
        f"{environment.name}, {calls.teams} teams",
        *(f"{rate:,} calls/s" for rate in rates),
        "limit",
        "what moves it",
    ]
    rows = [
        [row[0].component, *map(_percent, row), f"{row[0].most:,.0f} {row[0].unit}", row[0].remedy]
        for row in zip(*columns, strict=True)
    ]
    first = [max(column[:-1], key=lambda load: load.percent).component for column in columns]
    return [head, *rows, ["first of the gateway's own", *first, "", ""]]


def _percent(load: Load) -> str:
    percent = f"{load.percent:,.0f} %" if load.percent >= 1 else "< 1 %"
    return f"**{percent}**" if load.percent > 100 else percent
