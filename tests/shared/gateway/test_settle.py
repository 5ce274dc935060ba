"""However a call ends, it is counted for what it may have cost, and lets go of what it holds."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.budgets.model import allowance_of
from shared.providers.port import ConnectFailed, ConnectionLost, FirstByteTimeout, UpstreamFailure
from tests.shared.gateway.harness import Answer, Gateway, error_of, json_answer
from tests.shared.gateway.limited import chat_answer, gateway_with

DOLLAR = "id: bud_a, scope: teams/research, amount: '1'"
ONE_AT_A_TIME = "id: pol_a, scope: teams/research, max_concurrency: 1"
JSON = {"content-type": "application/json"}
HELD_BODY = orjson.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "x" * 900_000}]})


def spent(gateway: Gateway) -> int:
    level = gateway.leases.level(allowance_of(gateway.runtime.config.budgets[0]))
    return level.used if level else 0


async def test_an_answer_that_breaks_off_is_charged_for_what_there_is_of_it(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    begun = b'{"id":"x","choices":[{"message":{"content":"' + b"word " * 900
    gateway.upstream.answers = [Answer(200, JSON, [begun, ConnectionLost()])]

    answer = await gateway.chat(max_tokens=1000)

    assert (answer.status, error_of(answer)["code"]) == (502, "upstream_unreachable")
    (event,) = await gateway.settled()
    assert event["estimated"]
    assert 900 <= event["tokens"]["output_text"] <= 1000
    assert spent(gateway) >= 900 * 10_000


@pytest.mark.parametrize("failure", [FirstByteTimeout(), ConnectionLost()])
@pytest.mark.parametrize("stream", [False, True])
async def test_what_became_of_nobody_knows_what_counts_as_reserved(
    tmp_path: Path, failure: UpstreamFailure, stream: bool
) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    gateway.upstream.rule = lambda _: failure

    answer = await gateway.chat(max_tokens=1000, stream=stream)

    assert answer.status in (502, 504)
    (event,) = await gateway.settled()
    assert (event["estimated"], event["tokens"]["output_text"]) == (True, 1000)
    assert 1000 * 10_000 < spent(gateway) < 1000 * 10_000 + 1000 * 2_500


async def test_what_broke_before_a_byte_of_its_body_came_counts_as_reserved(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    gateway.upstream.answers = [Answer(200, JSON, [ConnectionLost()])]

    assert (await gateway.chat(max_tokens=1000)).status == 502

    (event,) = await gateway.settled()
    assert (event["estimated"], event["tokens"]["output_text"]) == (True, 1000)
    assert spent(gateway) > 1000 * 10_000


@pytest.mark.parametrize("when", ["before the headers", "before the body"])
async def test_who_cancels_while_the_upstream_works_pays_as_reserved(
    tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    reached, never = asyncio.Event(), asyncio.Event()
    if when == "before the headers":

        async def send(_: object) -> Any:
            reached.set()
            await never.wait()

        monkeypatch.setattr(gateway.upstream, "send", send)
    else:

        def rule(_: object) -> Answer:
            reached.set()
            return Answer(200, JSON, [never])

        gateway.upstream.rule = rule
    call = asyncio.create_task(gateway.chat(max_tokens=1000))
    await reached.wait()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    call.cancel()
    await asyncio.gather(call, return_exceptions=True)

    (event,) = await gateway.settled()
    assert (event["outcome"], event["estimated"], event["tokens"]["output_text"]) == ("failed", True, 1000)
    assert spent(gateway) > 1000 * 10_000


async def test_what_never_went_out_gives_everything_back(tmp_path: Path) -> None:
    gateway = gateway_with(
        tmp_path, "id: pol_a, scope: teams/research, rate_limits: [{unit: requests, limit: 2}]", DOLLAR
    )
    gateway.upstream.rule = lambda _: ConnectFailed()
    assert (await gateway.chat(max_tokens=1000)).status == 502
    gateway.tokens.is_broken = True
    assert (await gateway.chat(max_tokens=1000)).status == 503

    assert [event["usage_source"] for event in await gateway.settled()] == ["none", "none"]
    assert spent(gateway) == 0
    gateway.tokens.is_broken = False
    gateway.clock.advance(11)
    gateway.upstream.rule = lambda _: json_answer(chat_answer(1, 1))
    assert [(await gateway.chat()).status for _ in range(3)] == [200, 200, 429]


async def test_an_answer_after_a_doubtful_attempt_is_charged_for_what_it_reports(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    gateway.upstream.answers = [FirstByteTimeout(), json_answer(chat_answer(9, 2))]

    assert (await gateway.chat("both", max_tokens=1000)).status == 200

    assert spent(gateway) == 9 * 2_500 + 2 * 10_000


async def test_a_doubtful_attempt_counts_where_the_next_one_is_refused(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    gateway.upstream.answers = [FirstByteTimeout(), json_answer({"error": {"code": "x"}}, 500)]

    assert (await gateway.chat("both", max_tokens=1000)).status == 500

    await gateway.settled()
    assert spent(gateway) > 1000 * 10_000


async def test_the_next_call_need_not_wait_until_the_tokens_of_the_last_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = gateway_with(tmp_path, ONE_AT_A_TIME)
    counted, original = asyncio.Event(), gateway.runtime.counter.count

    async def slow(model: str, text: str) -> int:
        await counted.wait()
        return await original(model, text)

    monkeypatch.setattr(gateway.runtime.counter, "count", slow)
    gateway.upstream.rule = lambda _: json_answer({"id": "x", "choices": []})

    statuses = [(await gateway.chat()).status for _ in range(3)]

    assert statuses == [200, 200, 200]
    counted.set()
    assert len(await gateway.settled()) == 3


async def test_an_event_that_cannot_be_published_costs_neither_the_answer_nor_the_memory(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("closed")

    monkeypatch.setattr(gateway.events, "publish", fail)

    statuses = [(await gateway.call("POST", "/v1/chat/completions", HELD_BODY)).status for _ in range(5)]

    assert statuses == [200] * 5
    assert "is lost: RuntimeError" in caplog.text


async def test_a_threshold_raises_the_alert_of_the_period_that_the_call_was_charged_to(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets="id: bud_a, scope: teams/research, amount: '0.02', period: day")
    gateway.clock.set(datetime(2026, 1, 1, 23, 59, 50, tzinfo=UTC))
    asked, answered = asyncio.Event(), asyncio.Event()

    def rule(_: object) -> Answer:
        asked.set()
        return Answer(200, JSON, [answered, orjson.dumps(chat_answer(9, 1500))])

    gateway.upstream.rule = rule
    call = asyncio.create_task(gateway.chat(max_tokens=1500))
    await asked.wait()
    gateway.clock.advance(20)
    gateway.upstream.rule = lambda _: json_answer(chat_answer(9, 1))
    await gateway.chat(max_tokens=1)

    answered.set()
    await call
    await gateway.settled()

    alerts, _ = await gateway.runtime.administration.alerts.page()
    assert [(alert.window.id, alert.percent) for alert in alerts] == [("day-2026-01-01", 50)]


async def test_a_threshold_is_not_passed_by_numbers_that_nobody_can_believe(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=DOLLAR)
    gateway.upstream.rule = lambda _: json_answer(chat_answer(9, 10**12))

    assert [(await gateway.chat(max_tokens=10)).status for _ in range(2)] == [200, 200]

    assert [event["estimated"] for event in await gateway.settled()] == [True, True]


LONG = "x" * 5_000 + "\n{"


async def test_names_from_outside_neither_swell_an_event_nor_break_a_line_of_the_log(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tollgate.calls")
    answer = {**chat_answer(1, 1), "id": LONG, "model": LONG, "service_tier": LONG}
    answer["choices"][0]["finish_reason"] = LONG
    gateway.upstream.rule = lambda _: json_answer(answer)

    await gateway.chat()
    await gateway.chat("gpt-4o\nINFO forged")
    await gateway.chat(LONG)

    made, forged, refused = await gateway.settled()
    named = [made[name] for name in ("object_id", "served_model", "service_tier", "finish_reason")]
    assert all(len(name) == 200 for name in named)
    assert forged["requested_model"] == "gpt-4o?INFO forged"
    assert len(refused["requested_model"]) == 200
    assert all(len(orjson.dumps(event)) < 3_000 for event in (made, forged, refused))
    assert not any("\n" in record.getMessage() for record in caplog.records)
