"""Work that ends later is paid for from its beginning: a batch of a thousand calls is no way around a budget."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.budgets.model import allowance_of
from tests.shared.gateway.batch_files import line, upload_batch, uploaded
from tests.shared.gateway.harness import Gateway, error_of, json_answer
from tests.shared.gateway.limited import gateway_with

TEN_CENTS = "id: bud_a, scope: teams/research, amount: '0.10'"


async def make_batch(gateway: Gateway) -> Any:
    gateway.upstream.answers = [json_answer({"id": "batch_1", "object": "batch", "status": "validating"})]
    body = {"input_file_id": "file-in", "endpoint": "/v1/responses", "completion_window": "24h"}
    answer = await gateway.call("POST", "/v1/batches", body)
    await gateway.settled()
    return answer


async def finish(gateway: Gateway, prompt: int, output: int) -> None:
    """Read the batch twice after its end."""
    done = {
        "id": "batch_1",
        "object": "batch",
        "status": "completed",
        "created_at": 1_790_000_000,
        "model": "gpt-4o",
        "usage": {"input_tokens": prompt, "output_tokens": output, "total_tokens": prompt + output},
    }
    for _ in range(2):
        gateway.upstream.answers = [json_answer(done)]
        assert (await gateway.call("GET", "/v1/batches/batch_1")).status == 200
        await gateway.settled()


def spent(gateway: Gateway) -> int:
    level = gateway.leases.level(allowance_of(gateway.runtime.config.budgets[0]))
    return level.used if level else 0


async def test_a_batch_that_may_cost_more_than_is_left_is_not_begun(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=TEN_CENTS)
    await uploaded(gateway, line("gpt-4o", max_output_tokens=1000) * 20)

    refused = await make_batch(gateway)

    assert (refused.status, error_of(refused)["code"]) == (429, "insufficient_quota")
    assert spent(gateway) == 0


@pytest.mark.parametrize(("prompt", "output"), [(100, 50), (100, 8_000)])
async def test_a_batch_is_charged_its_estimate_and_corrected_once_when_it_is_done(
    tmp_path: Path, prompt: int, output: int
) -> None:
    gateway = gateway_with(tmp_path, budgets=TEN_CENTS)
    await uploaded(gateway, line("gpt-4o", max_output_tokens=1000) * 5)

    assert (await make_batch(gateway)).status == 200
    assert spent(gateway) > 5 * 1000 * 10_000
    await finish(gateway, prompt, output)

    assert spent(gateway) == prompt * 2_500 + output * 10_000


async def test_what_ends_in_the_next_period_is_not_paid_back_to_it(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=TEN_CENTS)
    await uploaded(gateway, line("gpt-4o", max_output_tokens=1000) * 5)
    await make_batch(gateway)

    gateway.clock.advance(31 * 86_400)
    await finish(gateway, 100, 50)

    assert spent(gateway) == 0


async def test_a_background_response_is_charged_its_estimate_and_corrected_when_it_is_done(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, budgets=TEN_CENTS)
    made = {"id": "resp_1", "object": "response", "status": "queued", "background": True, "model": "gpt-4o"}
    gateway.upstream.answers = [json_answer(made)]
    await gateway.call(
        "POST", "/v1/responses", {"model": "gpt-4o", "input": "x", "background": True, "max_output_tokens": 5000}
    )
    await gateway.settled()
    assert spent(gateway) > 5000 * 10_000

    usage = {"input_tokens": 10, "output_tokens": 20, "total_tokens": 30}
    done = {**made, "status": "completed", "created_at": 1_790_000_000, "usage": usage}
    for _ in range(2):
        gateway.upstream.answers = [json_answer(done)]
        await gateway.call("GET", "/v1/responses/resp_1")
        await gateway.settled()

    assert spent(gateway) == 10 * 2_500 + 20 * 10_000


async def test_a_file_whose_lines_nobody_checked_makes_no_batch(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path)
    await uploaded(gateway, line("gpt-4o"))
    await gateway.documents.delete("provisions", "file-in", "file-in")

    refused = await make_batch(gateway)
    in_parts = await gateway.call("POST", "/v1/uploads", {"purpose": "batch", "filename": "b.jsonl", "bytes": 1})

    assert (refused.status, error_of(refused)["param"]) == (400, "input_file_id")
    assert (in_parts.status, error_of(in_parts)["param"]) == (400, "purpose")


@pytest.mark.parametrize(
    ("policy", "content", "said"),
    [
        ("max_output_tokens: 100", line("gpt-4o", max_output_tokens=101), "output tokens than the 100"),
        ("max_output_tokens: 100", line("gpt-4o"), "output tokens than the 100"),
        ("max_prompt_bytes: 50", line("gpt-4o", max_output_tokens=1), "prompt bytes than the 50"),
        ("max_prompt_tokens: 30", line("gpt-4o", instructions="hello " * 40), "prompt tokens than the 30"),
        ('endpoints: ["files.*", "batches.*", embeddings]', line("gpt-4o"), "calls the endpoint responses"),
    ],
)
async def test_each_line_keeps_to_the_rules_of_a_call(tmp_path: Path, policy: str, content: bytes, said: str) -> None:
    gateway = gateway_with(tmp_path, f"id: pol_a, scope: teams/research, {policy}")

    refused = await upload_batch(gateway, content)

    assert refused.status == 400
    assert said in error_of(refused)["message"]
    assert "Line 1" in error_of(refused)["message"]


async def test_a_batch_counts_against_quotas_and_not_against_the_minute(tmp_path: Path) -> None:
    limits = "rate_limits: [{unit: tokens, limit: 100}], quotas: [{tokens: 3000}]"
    gateway = gateway_with(tmp_path, f"id: pol_a, scope: teams/research, {limits}")
    await uploaded(gateway, line("gpt-4o", max_output_tokens=1000) * 2)

    assert [(await make_batch(gateway)).status for _ in range(2)] == [200, 429]


async def test_nobody_makes_a_batch_of_models_that_he_may_not_use_of_a_file_that_another_uploaded(
    tmp_path: Path,
) -> None:
    gateway = gateway_with(tmp_path, 'id: pol_a, scope: teams/research, models: ["plain-*"]')
    gateway.upstream.rule = lambda _: json_answer({"id": "batch_1"})
    work = {"schema": 1, "id": "file-in", "work": {"gpt-4o": [1, 1]}}
    await uploaded(gateway, orjson.dumps({"url": "/v1/responses", "body": {"model": "plain-a", "input": "x"}}))
    await gateway.documents.upsert("provisions", "file-in", work)

    assert (await make_batch(gateway)).status == 404
