"""Costs and the model on paper, held to the settings, the code and the page. `python -m tests.load.scale.test_costs` writes the page."""

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import orjson
import pytest

from shared.ledger.documents import MOST_BYTES
from tests.load.scale import capacity, costs, facts, page, prices
from tests.load.scale.settings import DEV, PROD, STAGING, Calls, Environment
from tests.load.scale.sweep import TODAY

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "explanation" / "running-costs.md"
HEADING = "\n## Tables\n"
ENVIRONMENTS = [DEV, STAGING, PROD]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda each: each.name)
def test_settings_are_those_that_are_deployed(environment: Environment) -> None:
    text = (ROOT / "infra-bicep" / f"main.{environment.name}.bicepparam").read_text()

    def number(name: str) -> int:
        (found,) = re.findall(rf"\b{name}: (\d+)", text)
        return int(found)

    assert number("instanceMemoryMB") == environment.memory_mb
    assert number("maximumInstanceCount") == environment.most_instances
    assert number("httpConcurrency") == environment.http_concurrency
    assert number("alwaysReady") == environment.always_ready
    assert f"param serviceBusSku = '{'Premium' if environment.messaging_units else 'Standard'}'" in text
    assert ("param ingress = 'private'" in text) == environment.is_private
    assert ("mode: 'serverless'" in text) == (environment.units is None)
    if environment.units:
        assert (number("ledger"), number("counters"), number("sharedMaxThroughput")) == environment.units


def test_timers_run_as_often_as_is_reckoned_with() -> None:
    schedules = [
        schedule
        for file in (ROOT / "functions" / "timers").glob("*.py")
        for schedule in re.findall(r'schedule="([^"]+)"', file.read_text())
    ]
    assert sum(_runs(schedule) for schedule in schedules) == facts.TIMER_RUNS_PER_DAY


def _runs(schedule: str) -> int:
    _, minute, hour, *_ = schedule.split()
    return len(set(_times(minute, 60))) * len(set(_times(hour, 24)))


def _times(field: str, end: int) -> Iterator[int]:
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.replace("*", f"0-{end - 1}").partition("-")
        until = int(last or (end - 1 if step else first))
        yield from range(int(first), until + 1, int(step or 1))


def test_deliveries_are_as_large_as_the_host_makes_them() -> None:
    host = orjson.loads((ROOT / "host.json").read_bytes())
    bus = host["extensions"]["serviceBus"]
    seconds = sum(
        int(part) * unit for part, unit in zip(bus["maxBatchWaitTime"].split(":"), (3600, 60, 1), strict=True)
    )
    expected = (bus["maxMessageBatchSize"], bus["minMessageBatchSize"], seconds)
    assert {(each.batch, each.least_batch, each.batch_wait_s) for each in ENVIRONMENTS} == {expected}
    assert (TODAY.batch, TODAY.least_batch, TODAY.wait_s) == expected


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda each: each.name)
def test_more_calls_never_cost_less(environment: Environment) -> None:
    sums = [sum(costs.of(rate, environment, Calls()).values(), Decimal()) for rate in costs.RATES]
    assert all(less <= more for less, more in pairwise(sums))


def test_idle_development_costs_next_to_nothing_and_idle_production_its_fixed_prices() -> None:
    assert sum(costs.of(0, DEV, Calls()).values(), Decimal()) < 50
    fixed = costs.of(0, PROD, Calls())
    assert fixed["Service Bus"] == prices.BUS_PREMIUM.usd
    assert fixed["private network"] == 9 * prices.ENDPOINT.usd + 7 * prices.DNS_ZONE.usd


def test_an_instance_is_billed_for_waiting() -> None:
    """Ten calls of five seconds at a time keep one instance busy all month, at two gigabytes."""
    (short, long) = (costs.of(2, DEV, Calls(seconds=seconds))["instances"] for seconds in (0.05, 5.0))
    assert long > short + 80


def test_events_that_wait_for_each_other_cost_a_fraction_of_those_that_are_posted_at_once() -> None:
    at_once = replace(DEV, least_batch=1, batch_wait_s=0.0)
    (together, alone) = (costs.of(1, each, Calls(seconds=0.05))["instances"] for each in (DEV, at_once))
    assert together < alone - 70


def test_every_price_says_where_it_is_from() -> None:
    for rate in prices.RATES.values():
        assert rate.usd > 0
        assert rate.source.startswith("https://azure.microsoft.com/pricing/")


def test_loads_grow_with_the_calls_and_say_what_moves_them() -> None:
    few, many = (list(capacity.loads(rate, PROD, Calls())) for rate in (10, 10_000))
    assert all(less.asked <= more.asked and less.remedy for less, more in zip(few, many, strict=True))


def test_a_volume_leaves_a_third_of_its_partition_free() -> None:
    assert facts.PARTITION_BYTES.value >= 1.5 * MOST_BYTES


def test_the_page_shows_what_the_model_says() -> None:
    assert PAGE.read_text().split(HEADING, 1)[1].strip() == page.tables().strip()


if __name__ == "__main__":
    PAGE.write_text(f"{PAGE.read_text().split(HEADING, 1)[0]}{HEADING}\n{page.tables().strip()}\n")
