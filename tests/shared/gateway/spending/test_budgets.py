"""Money that is not there is not spent, whatever route a call takes, and what is reserved comes back to the last nano-unit."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from shared.audit.model import Actor
from shared.budgets.model import allowance_of
from shared.directory.changes import Put
from shared.directory.model import Budget
from tests.shared.gateway.harness import (
    CHAT_STREAM,
    Gateway,
    collect,
    error_of,
    event,
    header_of,
    json_answer,
    sse_answer,
)
from tests.shared.gateway.limited import chat_answer, gateway_with, sent_body

CENT = "id: bud_a, scope: teams/research, amount: '0.01'"


def spent(gateway: Gateway) -> int:
    """Nano-units that are spent, as far as this instance knows."""
    budget = next(item for item in gateway.runtime.config.budgets if item.id == "bud_a")
    level = gateway.leases.level(allowance_of(budget))
    return level.used if level else 0


async def test_calls_are_refused_before_they_could_cost_more_than_is_left(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=CENT)
    # 400 tokens of output at 10 per million are 0.004; with the prompt a little more.
    gateway.upstream.rule = lambda _: json_answer(chat_answer(10, 400))

    answers = [await gateway.chat(max_tokens=400) for _ in range(4)]

    assert [answer.status for answer in answers] == [200, 200, 429, 429]
    assert spent(gateway) == 2 * (10 * 2_500 + 400 * 10_000)
    refused = answers[2]
    assert error_of(refused)["code"] == "insufficient_quota"
    assert "budget of 0.01 per month of teams/research" in error_of(refused)["message"]
    assert header_of(refused, "x-should-retry") == "false"
    assert header_of(refused, "retry-after") == str(31 * 86_400)


async def test_concurrent_calls_never_spend_more_than_the_budget(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=CENT)
    gateway.upstream.rule = lambda _: json_answer(chat_answer(10, 100))

    answers = await asyncio.gather(*(gateway.chat(max_tokens=100) for _ in range(40)))
    await gateway.settled()

    assert 1 <= [answer.status for answer in answers].count(200) <= 9
    assert spent(gateway) <= 10_000_000


async def test_a_small_call_still_fits_where_a_large_one_does_not(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=CENT)
    gateway.upstream.rule = lambda _: json_answer(chat_answer(10, 5))

    large = await gateway.chat(max_tokens=5000)
    small = await gateway.chat(max_tokens=5)

    assert (large.status, small.status) == (429, 200)


async def test_a_failed_call_costs_nothing(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=CENT)
    gateway.upstream.rule = lambda _: json_answer({"error": {"message": "no", "code": "x"}}, 400)

    for _ in range(10):
        assert (await gateway.chat(max_tokens=900)).status == 400

    assert spent(gateway) == 0


async def test_a_stream_is_settled_with_what_its_end_reports(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=CENT)
    gateway.upstream.rule = lambda _: sse_answer(*CHAT_STREAM)

    await collect(await gateway.chat(stream=True, max_tokens=100))

    assert spent(gateway) == 9 * 2_500 + 2 * 10_000


async def test_a_stream_that_outgrows_its_estimate_reserves_more_as_it_goes(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets="id: bud_a, scope: teams/research, amount: '0.05'")
    piece = event(id="c", model="gpt-4o", choices=[{"index": 0, "delta": {"content": "x"}}])
    gateway.upstream.rule = lambda _: sse_answer(*[piece * 100] * 30, *CHAT_STREAM)

    answer = await gateway.chat(stream=True)
    assert not isinstance(answer.body, bytes)
    pieces = [await anext(answer.body) for _ in range(30)]
    meanwhile = await gateway.chat(max_tokens=1500)
    await collect(answer)

    assert len(pieces) == 30
    assert meanwhile.status == 429
    assert spent(gateway) == 9 * 2_500 + 2 * 10_000
    gateway.upstream.rule = lambda _: json_answer(chat_answer(1, 1))
    assert (await gateway.chat(max_tokens=1000)).status == 200


async def test_a_cached_prompt_costs_what_cached_tokens_cost(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=CENT)
    answer = chat_answer(1000, 10)
    answer["usage"]["prompt_tokens_details"] = {"cached_tokens": 800}
    gateway.upstream.rule = lambda _: json_answer(answer)

    await gateway.chat(max_tokens=10)

    assert spent(gateway) == 200 * 2_500 + 800 * 1_250 + 10 * 10_000


async def test_a_budget_counts_on_every_level_above_the_caller(tmp_path: Path) -> None:
    gateway = gateway_with(
        tmp_path, budgets="id: bud_a, scope: organization, amount: '0.01'\nid: bud_b, scope: teams/other, amount: '5'"
    )
    gateway.upstream.rule = lambda _: json_answer(chat_answer(10, 400))

    statuses = [(await gateway.chat(team=team, max_tokens=400)).status for team in ("research", "other", "other")]

    assert statuses == [200, 200, 429]


async def test_a_model_without_a_price_is_refused_under_a_budget_and_not_without_one(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=CENT)

    refused = await gateway.chat("plain-unknown")

    assert (refused.status, error_of(refused)["code"]) == (403, "model_not_priced")
    assert (await gateway.chat("plain-unknown", team="other")).status == 200


async def test_a_new_period_begins_with_nothing_spent(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=CENT)
    gateway.upstream.rule = lambda _: json_answer(chat_answer(10, 900))
    assert [(await gateway.chat(max_tokens=900)).status for _ in range(2)] == [200, 429]

    gateway.clock.advance(31 * 86_400)

    assert (await gateway.chat(max_tokens=900)).status == 200


async def test_a_shadow_budget_refuses_nothing_and_reports(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=CENT + ", mode: shadow")
    gateway.upstream.rule = lambda _: json_answer(chat_answer(10, 900))

    statuses = [(await gateway.chat(max_tokens=900)).status for _ in range(4)]

    assert statuses == [200] * 4
    assert [bool(each["shadow"]) for each in await gateway.settled()] == [False, False, True, True]


THRESHOLDS = "[{percent: 50, action: downshift, model: plain-cheap}, {percent: 100, action: block}]"


async def test_at_a_threshold_calls_go_to_the_cheaper_alias_and_are_told(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=f"{CENT}, thresholds: {THRESHOLDS}")
    gateway.upstream.rule = lambda _: json_answer(chat_answer(10, 500))

    first, second = await gateway.chat(max_tokens=500), await gateway.chat(max_tokens=500)

    assert header_of(first, "x-gateway-downshift") is None
    assert (second.status, header_of(second, "x-gateway-downshift")) == (200, "plain-cheap")
    assert sent_body(gateway)["model"] == "plain-cheap"
    events = await gateway.settled()
    assert [each["downshifted_from"] for each in events] == [None, "gpt-4o"]
    assert events[1]["requested_model"] == "plain-cheap"


async def test_a_caller_of_something_cheaper_yet_is_not_moved_up(tmp_path: Path) -> None:
    prices = 'prices: [{model: "gpt-4o", input: 0, output: "0.01"}, {model: plain-cheap, input: 0, output: "4000"}]\n'
    gateway = gateway_with(
        tmp_path, budgets=f"{CENT}, thresholds: [{{percent: 1, action: downshift, model: plain-cheap}}]", prices=prices
    )
    gateway.upstream.rule = lambda _: json_answer(chat_answer(10, 90_000))
    await gateway.chat(max_tokens=90_000)

    answer = await gateway.chat(max_tokens=10)

    assert header_of(answer, "x-gateway-downshift") is None


async def test_at_a_throttling_threshold_only_so_many_requests_a_minute_go_through(tmp_path: Path) -> None:
    thresholds = "[{percent: 1, action: throttle, requests_per_minute: 2}]"
    gateway = gateway_with(tmp_path, budgets=f"id: bud_a, scope: teams/research, amount: '1', thresholds: {thresholds}")
    gateway.upstream.rule = lambda _: json_answer(chat_answer(10, 1000))
    await gateway.chat(max_tokens=1000)

    statuses = [(await gateway.chat(max_tokens=1000)).status for _ in range(4)]

    assert statuses == [200, 200, 429, 429]


async def test_each_threshold_raises_one_alert(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=CENT)
    gateway.upstream.rule = lambda _: json_answer(chat_answer(0, 90))

    for _ in range(20):
        await gateway.chat(max_tokens=90)
        await gateway.settled()

    alerts, _ = await gateway.runtime.administration.alerts.page()
    assert sorted(alert.percent for alert in alerts) == [50, 80, 100]


async def test_raising_a_budget_helps_within_seconds(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path)
    await put(gateway, "0.001")
    gateway.clock.advance(6)
    assert (await gateway.chat(max_tokens=500)).status == 429

    await put(gateway, "10")
    gateway.clock.advance(6)

    assert (await gateway.chat(max_tokens=500)).status == 200


async def put(gateway: Gateway, amount: str) -> None:
    async def plan() -> Any:
        return [Put(Budget.model_validate({"id": "bud_x", "scope": "teams/research", "amount": amount}))]

    await gateway.runtime.administration.store.commit(Actor("vk_a", "virtual_key"), "budget.replace", plan)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/realtime/client_secrets", {"session": {"type": "realtime", "model": "gpt-4o"}}),
        ("/v1/vector_stores", {"name": "x"}),
        ("/v1/fine_tuning/jobs", {"model": "gpt-4o"}),
        ("/v1/evals", {"name": "x"}),
        ("/v1/containers", {"name": "x"}),
    ],
)
async def test_nothing_is_begun_on_a_spent_budget_that_costs_money_later(
    tmp_path: Path, path: str, body: dict[str, object]
) -> None:
    gateway = gateway_with(tmp_path, budgets="id: bud_a, scope: teams/research, amount: 0")

    answer = await gateway.call("POST", path, body)

    assert (answer.status, error_of(answer)["code"]) == (429, "insufficient_quota")


@pytest.mark.parametrize("path", ["/v1/files", "/v1/models"])
async def test_what_costs_nothing_is_not_refused_for_want_of_money(tmp_path: Path, path: str) -> None:
    gateway = gateway_with(tmp_path, budgets="id: bud_a, scope: teams/research, amount: 0")

    assert (await gateway.call("GET", path)).status == 200
    assert (await gateway.chat()).status == 429


async def test_a_downshift_is_no_way_around_the_list_of_allowed_models(tmp_path: Path) -> None:
    gateway = gateway_with(
        tmp_path,
        'id: pol_a, scope: teams/research, models: ["gpt-*"]',
        "id: bud_a, scope: teams/research, amount: '1', thresholds: [{percent: 1, action: downshift, model: plain-cheap}]",
    )
    gateway.upstream.rule = lambda _: json_answer(chat_answer(10, 5000))
    await gateway.chat(max_tokens=5000)

    answer = await gateway.chat(max_tokens=10)

    assert (answer.status, header_of(answer, "x-gateway-downshift")) == (200, None)


async def test_an_alias_of_unknown_price_is_not_taken_for_cheaper(tmp_path: Path) -> None:
    gateway = gateway_with(
        tmp_path,
        budgets="id: bud_a, scope: teams/research, amount: '1', thresholds: [{percent: 1, action: downshift, model: plain-x}]",
    )
    gateway.upstream.rule = lambda _: json_answer(chat_answer(10, 5000))
    await gateway.chat(max_tokens=5000)

    assert header_of(await gateway.chat(max_tokens=10), "x-gateway-downshift") is None


async def test_what_others_spend_above_the_team_is_not_told(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets="id: bud_a, scope: organization, amount: '0.0123'")

    message = error_of(await gateway.chat(max_tokens=5000))["message"]

    assert "budget per month of organization" in message
    assert "0.01" not in message


async def test_one_call_that_asks_for_too_much_raises_no_alarm(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=CENT)

    assert (await gateway.chat(max_tokens=50_000)).status == 429
    await gateway.settled()

    assert await gateway.runtime.administration.alerts.page() == ((), None)
