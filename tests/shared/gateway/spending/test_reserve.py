"""What is reserved covers what a call can use, as far as anybody can know; and what is only guessed refuses nobody for good."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.budgets.model import allowance_of
from tests.shared.gateway.harness import (
    CONFIG,
    Answer,
    Gateway,
    error_of,
    header_of,
    json_answer,
)
from tests.shared.gateway.limited import chat_answer, gateway_with

CHAT = "/v1/chat/completions"
DENSE = "".join(chr(33 + index * 7_919 % 90) for index in range(3_000))
TOKENS = "id: pol_a, scope: teams/research, rate_limits: [{unit: tokens, limit: %s}]"


class Held:
    """An upstream that answers no call before all have been admitted or refused."""

    def __init__(self, gateway: Gateway, answer: Any) -> None:
        self._gate = asyncio.Event()
        headers = {"content-type": "application/json"}
        gateway.upstream.rule = lambda _: Answer(200, headers, [self._gate, orjson.dumps(answer)])
        self._gateway = gateway

    async def calls(self, number: int, path: str, body: object) -> list[int]:
        waiting = [asyncio.create_task(self._gateway.call("POST", path, body)) for _ in range(number)]
        done = 0
        while done + len(self._gateway.upstream.sent) < number:
            await asyncio.sleep(0.005)
            done = sum(task.done() for task in waiting)
        self._gate.set()
        statuses = [answer.status for answer in await asyncio.gather(*waiting)]
        await self._gateway.settled()
        return statuses


def spent(gateway: Gateway) -> int:
    level = gateway.leases.level(allowance_of(gateway.runtime.config.budgets[0]))
    assert level is not None
    return level.used


@pytest.mark.parametrize(
    ("path", "body", "prompt", "output"),
    [
        (CHAT, {"messages": [{"role": "user", "content": DENSE}], "max_tokens": 1}, 1_666, 1),
        (CHAT, {"messages": [{"role": "user", "content": "𒀀𒁀𓀀𓁀" * 500}], "max_tokens": 1}, 8_000, 1),
        (CHAT, {"messages": [], "max_completion_tokens": 1, "max_tokens": 1_000}, 8, 1_000),
        (CHAT, {"messages": [], "max_tokens": 1, "prediction": {"content": "word " * 2_000}}, 8, 2_000),
        (CHAT, {"messages": [], "max_tokens": 10, "n": 100}, 8, 1_000),
        ("/v1/completions", {"prompt": ["a"] * 50, "max_tokens": 20, "best_of": 2}, 50, 2_000),
        ("/v1/completions", {"prompt": "a", "suffix": DENSE, "max_tokens": 1}, 1_666, 1),
        ("/v1/embeddings", {"input": [[1] * 8_000]}, 8_000, 0),
    ],
)
async def test_calls_at_once_never_spend_more_than_there_is(
    tmp_path: Path, path: str, body: dict[str, object], prompt: int, output: int
) -> None:
    limit = 10 * (prompt * 2_500 + output * 10_000)
    amount = f"{limit / 10**9:.9f}"
    gateway = gateway_with(tmp_path, budgets=f"id: bud_a, scope: teams/research, amount: '{amount}'")

    statuses = await Held(gateway, chat_answer(prompt, output)).calls(40, path, {"model": "gpt-4o", **body})

    assert set(statuses) == {200, 429}
    assert spent(gateway) <= limit


async def test_honest_calls_at_once_are_not_refused_because_their_prompt_was_not_counted(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets="id: bud_a, scope: teams/research, amount: '1'")
    text = "é" + "The quick brown fox jumps over the lazy dog. " * 220
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], "max_tokens": 1}

    statuses = await Held(gateway, chat_answer(2_200, 1)).calls(100, CHAT, body)

    assert statuses == [200] * 100


async def test_what_a_response_continues_is_read_again(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, "id: pol_a, scope: teams/research, max_prompt_tokens: 1000")
    usage = {"input_tokens": 900, "output_tokens": 200, "total_tokens": 1_100}
    gateway.upstream.rule = lambda _: json_answer({"id": "resp_1", "object": "response", "usage": usage})
    first = {"model": "gpt-4o", "input": "x", "max_output_tokens": 300}

    answer = await gateway.call("POST", "/v1/responses", first)
    await gateway.settled()
    refused = await gateway.call("POST", "/v1/responses", {**first, "previous_response_id": "resp_1"})

    assert (answer.status, refused.status) == (200, 400)
    assert error_of(refused)["code"] == "context_length_exceeded"


async def test_whoever_is_over_his_request_limit_has_nothing_counted(tmp_path: Path) -> None:
    gateway = gateway_with(
        tmp_path,
        "id: pol_a, scope: teams/research, max_prompt_tokens: 2000,"
        " rate_limits: [{unit: requests, limit: 1}, {unit: tokens, limit: 1500}]",
    )
    counted: list[str] = []
    count = gateway.runtime.counter.count

    async def noted(model: str, text: str) -> int:
        counted.append(model)
        return await count(model, text)

    gateway.runtime.counter.count = noted  # type: ignore[method-assign]
    assert (await gateway.chat(max_tokens=100)).status == 200
    counted.clear()

    statuses = [(await gateway.chat(messages=[{"role": "user", "content": DENSE}])).status for _ in range(5)]

    assert (statuses, counted) == ([429] * 5, [])


async def test_a_call_that_is_refused_later_gives_its_place_back(tmp_path: Path) -> None:
    gateway = gateway_with(
        tmp_path,
        "id: pol_a, scope: teams/research, max_concurrency: 1, max_prompt_tokens: 20,"
        " rate_limits: [{unit: requests, limit: 1}]",
    )

    long = await gateway.chat(messages=[{"role": "user", "content": "hello " * 50}])

    assert (long.status, (await gateway.chat()).status) == (400, 200)


async def test_where_only_the_output_is_guessed_what_is_left_is_enough(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, TOKENS % 400)

    statuses = [(await gateway.chat()).status for _ in range(2)]
    gateway.clock.advance(61)

    assert statuses == [200, 200]
    assert (await gateway.chat()).status == 200


async def test_a_guess_is_not_brought_below_a_tenth(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, TOKENS % 130)
    gateway.upstream.rule = lambda _: json_answer(chat_answer(9, 40))

    answers = [await gateway.chat() for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 429]
    assert "81 are left and this call needs 109" in error_of(answers[1])["message"]
    assert header_of(answers[1], "retry-after") is not None


async def test_a_small_budget_serves_calls_of_open_length(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets="id: bud_a, scope: teams/research, amount: '0.009'")

    assert (await gateway.chat()).status == 200
    assert spent(gateway) == 9 * 2_500 + 2 * 10_000


async def test_what_never_fits_is_told_so_and_not_to_try_again(tmp_path: Path) -> None:
    tokens = gateway_with(tmp_path, TOKENS % 100)
    money = gateway_with(tmp_path, budgets="id: bud_a, scope: teams/research, amount: '0.01'")

    for gateway in (tokens, money):
        refused = await gateway.chat(max_tokens=5_000)

        message = error_of(refused)["message"]
        assert refused.status == 429
        assert "more than the" in message
        assert "again" not in message
        assert header_of(refused, "x-should-retry") == "false"
        assert header_of(refused, "retry-after") is None


@pytest.mark.parametrize(
    ("path", "model", "body"),
    [
        ("/v1/audio/speech", "tts-1", {"input": "Hello", "voice": "alloy"}),
        ("/v1/audio/speech", "gpt-4o-mini-tts", {"input": "Hello", "voice": "alloy"}),
        ("/v1/images/generations", "dall-e-3", {"prompt": "a cat"}),
        ("/v1/images/generations", "gpt-image-1", {"prompt": "a cat"}),
    ],
)
async def test_what_is_priced_by_the_unit_is_priced(
    tmp_path: Path, path: str, model: str, body: dict[str, object]
) -> None:
    route = f'  - {{alias: {model}, targets: [{{deployment: plain}}]}}\n  - {{alias: "plain-*"'
    config = CONFIG.replace('  - {alias: "plain-*"', route)
    gateway = Gateway(tmp_path, config + "budgets: [{id: bud_a, scope: teams/research, amount: 10}]\n")

    assert (await gateway.call("POST", path, {"model": model, **body})).status == 200


async def test_a_cached_prompt_without_a_rate_of_its_own_is_not_charged_as_it_was_reserved(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets="id: bud_a, scope: teams/research, amount: '10'")
    answer = chat_answer(2_000, 5, "plain-cheap")
    answer["usage"]["prompt_tokens_details"] = {"cached_tokens": 1_024}
    gateway.upstream.rule = lambda _: json_answer(answer)

    await gateway.chat("plain-cheap", max_tokens=1_000_000)

    assert spent(gateway) == 2_000 * 100 + 5 * 400


async def test_no_number_that_a_caller_writes_is_too_large_to_count(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets="id: bud_a, scope: teams/research, amount: 1000000000, mode: shadow")
    gateway.upstream.rule = lambda _: json_answer(chat_answer(9, 1))

    answer = await gateway.chat(max_tokens=2**62, n=2**62)
    gateway.clock.advance(5)
    await gateway.runtime.upkeep.round()

    assert answer.status == 200
    (lease,) = [lease for name, lease in gateway.leases._current.items() if "bud_a" in name]
    assert lease.reserved == 0
    assert spent(gateway) == 9 * 2_500 + 10_000


async def test_one_team_s_answers_do_not_tell_how_long_anothers_are(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, TOKENS.replace("teams/research", "organization") % 1_000_000)
    gateway.upstream.rule = lambda _: json_answer(chat_answer(9, 50_000))
    await gateway.chat(team="other")
    await gateway.settled()

    assert gateway.runtime.outputs.p95(("other", "gpt-4o", "chat.completions")) >= 50_000
    assert gateway.runtime.outputs.p95(("research", "gpt-4o", "chat.completions")) == 1_000
