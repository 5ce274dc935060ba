"""What is set aside is enough for the dearest way in which a call may be served; what is charged is what it cost."""

import asyncio
from pathlib import Path

import orjson
import pytest

from shared.budgets.model import allowance_of
from shared.gateway.spending.cost import price_named
from tests.shared.gateway.harness import CHAT_STREAM, Answer, Gateway, collect, event, json_answer, sse_answer
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
