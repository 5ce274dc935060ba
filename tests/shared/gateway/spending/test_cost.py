"""What is set aside is enough for the dearest way in which a call may be served; what is charged is what it cost."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from shared.budgets.model import allowance_of
from shared.catalog.model import Charge, Price
from shared.gateway.spending.cost import _merged, foreseen_cost, late_cost, nano_per_output_token, price_named
from shared.gateway.spending.forecast import Forecast
from shared.jobs.usage_ingest import rating_of
from shared.migrations.steps import newest_usage_event
from shared.usage.model import TokenUsage, Usage
from shared.wire.openai.endpoints import Meter
from tests.shared.gateway.harness import CHAT_STREAM, CONFIG, Answer, Gateway, collect, event, json_answer, sse_answer
from tests.shared.gateway.limited import PRICES, chat_answer, gateway_with

DOLLAR = "id: bud_a, scope: teams/research, amount: '1'"
TIERS = """
prices:
  - {model: "gpt-4o*", input: "2.50", output: "10"}
  - {model: "gpt-4o*", tier: priority, input: "5", output: "20"}
  - {model: "gpt-4o*", tier: flex, input: "1", output: "5"}
"""


def spent(gateway: Gateway) -> int:
    level = gateway.leases.level(allowance_of(gateway.runtime.config.budgets[0]))
    return level.used if level else 0


async def reserved(gateway: Gateway, model: str = "gpt-4o", **more: object) -> int:
    """Nano-units that are set aside for a call while it is under way."""
    asked, answered = asyncio.Event(), asyncio.Event()

    def rule(_: object) -> Answer:
        asked.set()
        return Answer(200, {"content-type": "application/json"}, [answered, orjson.dumps(chat_answer(9, 2))])

    gateway.upstream.rule = rule
    call = asyncio.create_task(gateway.chat(model, max_tokens=1000, **more))
    await asked.wait()
    (lease,) = gateway.leases._active.values()
    held = lease.reserved
    answered.set()
    assert (await call).status == 200
    return held


@pytest.mark.parametrize(
    ("tier", "rate"),
    [(None, 10), ("default", 10), ("flex", 10), ("priority", 20), ("auto", 20), ("something-new", 20), (7, 20)],
)
async def test_the_dearest_tier_that_a_call_may_be_served_in_is_set_aside(
    tmp_path: Path, tier: object, rate: int
) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR, prices=TIERS)

    held = await reserved(gateway, service_tier=tier)

    assert rate * 1_000_000 < held < rate * 1_100_000


@pytest.mark.parametrize(("tier", "rate"), [("priority", 20), ("flex", 5), ("default", 10), (None, 10)])
async def test_the_tier_that_served_is_charged(tmp_path: Path, tier: str | None, rate: int) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR, prices=TIERS)
    gateway.upstream.rule = lambda _: json_answer({**chat_answer(0, 100), "service_tier": tier})

    await gateway.chat(max_tokens=1000, service_tier="auto")

    assert spent(gateway) == 100 * rate * 1000


async def test_a_tier_without_a_price_costs_the_ordinary_one(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)

    assert 10_000_000 < await reserved(gateway, service_tier="priority") < 11_000_000


DEAR_FALLBACK = """
prices:
  - {model: "gpt-4o", input: "0.1", output: "1"}
  - {model: "gpt-4o-west", input: "1", output: "10"}
"""


async def test_the_dearest_deployment_of_the_plan_is_set_aside(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR, prices=DEAR_FALLBACK)

    assert 10_000_000 < await reserved(gateway, "both") < 11_000_000
    assert spent(gateway) == 9 * 100 + 2 * 1_000


async def test_an_alias_is_as_dear_as_the_dearest_of_what_is_behind_it(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, prices=DEAR_FALLBACK)

    price = price_named("both", gateway.runtime)

    assert price is not None
    assert (price.input, price.output) == (1, 10)
    assert price_named("no-such-model", gateway.runtime) is None


SPOKEN = 'prices: [{model: "gpt-4o*", input: "2.50", output: "10", audio_output: "80"}]\n'


@pytest.mark.parametrize(
    ("more", "rate"),
    [
        ({"modalities": ["text"]}, 10),
        ({"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}, 80),
    ],
)
async def test_an_answer_that_is_spoken_is_set_aside_as_audio(
    tmp_path: Path, more: dict[str, object], rate: int
) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR, prices=SPOKEN)

    assert rate * 1_000_000 < await reserved(gateway, **more) < rate * 1_100_000


async def test_a_stream_in_a_dear_tier_grows_at_its_price(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets="id: bud_a, scope: teams/research, amount: '0.1'", prices=TIERS)
    piece = event(id="c", model="gpt-4o", choices=[{"index": 0, "delta": {"content": "x"}}])
    gateway.upstream.rule = lambda _: sse_answer(*[piece * 100] * 30, *CHAT_STREAM)

    answer = await gateway.chat(stream=True, service_tier="priority")
    assert not isinstance(answer.body, bytes)
    for _ in range(30):
        await anext(answer.body)
    (lease,) = gateway.leases._active.values()

    assert lease.reserved >= 3000 * 20_000
    await collect(answer)


async def test_an_unpriced_fallback_is_taken_for_as_dear_as_the_others(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR, prices=PRICES)

    assert (await gateway.chat("both", max_tokens=10)).status == 200


PLACES = """
prices:
  - {model: "gpt-4o*", input: "2.50", output: "10"}
  - {model: "gpt-4o*", region: data_zone, input: "2.75", output: "11"}
  - {model: "gpt-4o*", region: data_zone, tier: batch, input: "1", output: "5"}
"""


POOL = """
provisioned:
  - {name: pool, deployments: [east], units: 1, per_unit_hour: "1", owner: platform, tokens_per_minute_per_unit: 10, output_weight: "4"}
"""


def placed(tmp_path: Path, deployment: str) -> Gateway:
    """A gateway whose deployment in the east is what is said of it."""
    config = CONFIG.replace("deployment: gpt-4o, region: eastus", f"region: eastus, deployment: gpt-4o, {deployment}")
    config = config.replace("routes:\n", "routes:\n  - {alias: odd, targets: [{deployment: east}]}\n")
    if "provisioned" in deployment:
        config += POOL
    return Gateway(tmp_path, f"{config}{PLACES}budgets:\n  - {{{DOLLAR}}}\n")


async def ledger_cost(gateway: Gateway) -> int | None:
    """What the ledger will charge for the call that was just made."""
    (reported,) = await gateway.settled()
    rating = rating_of(newest_usage_event(reported), gateway.runtime.prices)
    return rating.cost if isinstance(rating, Charge) else None


@pytest.mark.parametrize(
    ("deployment", "headers", "cost"),
    [
        ("processing: global", {}, 1_000_000),
        ("processing: data_zone", {}, 1_100_000),
        ("capacity: provisioned", {}, 0),
        ("capacity: provisioned", {"x_ms_spillover_from_deployment": "gpt-4o"}, 1_000_000),
        ("processing: data_zone, model: gpt-4o", {}, 1_100_000),
    ],
)
async def test_budgets_and_ledger_charge_the_same(
    tmp_path: Path, deployment: str, headers: dict[str, str], cost: int
) -> None:
    gateway = placed(tmp_path, deployment)
    gateway.upstream.rule = lambda _: json_answer(chat_answer(0, 100), **headers)

    await gateway.chat(max_tokens=1000)

    assert spent(gateway) == cost
    assert await ledger_cost(gateway) == cost


ENDING = """
prices:
  - {model: "gpt-4o*", input: "1", output: "10", effective_to: "2026-01-15T00:00:00Z"}
  - {model: "gpt-4o*", input: "2", output: "20", effective_from: "2026-01-15T00:00:00Z"}
"""


async def test_a_price_that_ends_while_an_answer_is_made_counts_for_budgets_and_ledger(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR, prices=ENDING)
    gateway.clock.set(datetime(2026, 1, 14, 23, 59, 30, tzinfo=UTC))

    def rule(_: object) -> Answer:
        gateway.clock.advance(60)
        return json_answer(chat_answer(0, 100))

    gateway.upstream.rule = rule
    await gateway.chat(max_tokens=1000)

    assert spent(gateway) == 1_000_000
    assert await ledger_cost(gateway) == 1_000_000


def test_late_work_costs_what_it_did_when_it_began(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, prices=ENDING)
    gateway.clock.set(datetime(2026, 1, 16, tzinfo=UTC))
    usage, deployment = Usage(TokenUsage(output_text=100)), gateway.runtime.router.deployment("east")

    costs = [
        late_cost(usage, "gpt-4o", (), gateway.runtime, None, where, at)
        for at in (datetime(2026, 1, 14, tzinfo=UTC), None)
        for where in (deployment, None)
    ]

    assert costs == [1_000_000, 1_000_000, 2_000_000, 2_000_000]


async def test_a_budget_counts_what_the_ledger_has_no_price_for(tmp_path: Path) -> None:
    gateway = gateway_with(
        tmp_path, budgets=DOLLAR, prices='prices: [{model: "gpt-4o*", tier: default, input: "1", output: "10"}]\n'
    )
    gateway.upstream.rule = lambda _: json_answer({**chat_answer(0, 100), "service_tier": "never-heard-of"})

    await gateway.chat(max_tokens=1000)

    assert await ledger_cost(gateway) is None
    assert spent(gateway) == 1_000_000


async def test_enough_is_set_aside_for_what_may_spill_over_from_capacity_that_is_paid_by_the_hour(
    tmp_path: Path,
) -> None:
    gateway = placed(tmp_path, "capacity: provisioned")

    assert 10_000_000 < await reserved(gateway) < 11_000_000
    assert spent(gateway) == 0


def test_capacity_that_is_paid_by_the_hour_needs_no_other_price(tmp_path: Path) -> None:
    gateway = placed(tmp_path, "model: never-heard-of, capacity: provisioned")

    price = price_named("odd", gateway.runtime)

    assert price is not None
    assert set(price.named().values()) == {0}


async def test_what_is_set_aside_is_enough_for_the_region_of_the_deployment(tmp_path: Path) -> None:
    assert 11_000_000 < await reserved(placed(tmp_path, "processing: data_zone")) < 12_100_000


def test_late_work_costs_what_it_does_where_its_deployment_is(tmp_path: Path) -> None:
    gateway = placed(tmp_path, "processing: data_zone")
    usage, deployment = Usage(TokenUsage(output_text=100)), gateway.runtime.router.deployment("east")

    costs = [
        late_cost(usage, "gpt-4o-2024-11-20", (), gateway.runtime, tier, where)
        for tier in ("batch", None)
        for where in (deployment, None)
    ]

    assert costs == [500_000, 1_000_000, 1_100_000, 1_000_000]


def test_a_long_prompt_is_set_aside_at_its_price() -> None:
    about = {"provider": "p", "model": "m", "source": "s", "effective_from": "2026-01-01T00:00:00Z"}
    long = {"over": 100, "input": "4", "output": "15"}
    price = Price.model_validate({**about, "input": "2", "output": "10", "long": long})
    flat = Price.model_validate({**about, "input": "3", "output": "1"})

    assert foreseen_cost(price, Forecast(100, 10), Meter.CHAT) == 300_000
    assert foreseen_cost(price, Forecast(101, 10), Meter.CHAT) == 554_000
    assert foreseen_cost(_merged((price, flat)), Forecast(101, 10), Meter.CHAT) == 554_000
    assert foreseen_cost(_merged((flat, price)), Forecast(100, 10), Meter.CHAT) == 400_000
    assert nano_per_output_token(price) == 15_001
