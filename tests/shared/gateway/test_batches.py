"""Every line of a batch is a call of its own, and what ends later is charged once."""

import pytest

from tests.shared.gateway.batch_files import line, upload_batch, uploaded
from tests.shared.gateway.harness import (
    Gateway,
    error_of,
    json_answer,
)


async def test_a_batch_file_may_not_name_a_model_that_its_team_may_not_use(gateway: Gateway) -> None:
    allowed = await upload_batch(gateway, line("gpt-4o") + b"\n" + line("gpt-4o"))
    unknown = await upload_batch(gateway, line("gpt-4o") + line("no-such-model"))
    forbidden = await upload_batch(gateway, line("gpt-4o"), team="narrow")

    assert (allowed.status, unknown.status, forbidden.status) == (200, 404, 404)
    assert len(gateway.upstream.sent) == 1


async def test_a_batch_file_may_not_refer_to_what_is_not_its_teams(gateway: Gateway) -> None:
    answer = await upload_batch(gateway, line("gpt-4o", previous_response_id="resp_of_another_team"))

    assert (answer.status, error_of(answer)["code"]) == (404, "previous_response_not_found")


@pytest.mark.parametrize(
    "content", [b"{", b"[]\n", b"{}\n", b'{"body":{}}', b'{"body":{"model":7}}', line("gpt-4o") + b"oops"]
)
async def test_a_line_that_cannot_be_understood_is_named(gateway: Gateway, content: bytes) -> None:
    answer = await upload_batch(gateway, content)

    assert (answer.status, error_of(answer)["code"]) == (400, "invalid_batch")
    assert "Line " in error_of(answer)["message"]


async def test_a_finished_batch_is_charged_once_however_often_it_is_read(gateway: Gateway) -> None:
    usage = {"input_tokens": 70, "output_tokens": 6, "total_tokens": 76}
    done = {
        "id": "batch_1",
        "object": "batch",
        "status": "completed",
        "created_at": 1_790_000_000,
        "model": "gpt-5",
        "usage": usage,
    }
    await uploaded(gateway, line("gpt-4o"))
    gateway.upstream.answers = [json_answer({"id": "batch_1", "status": "validating"})]
    await gateway.call("POST", "/v1/batches", {"endpoint": "/v1/responses", "input_file_id": "file-in"})
    gateway.upstream.rule = lambda _: json_answer(done)

    for _ in range(3):
        await gateway.call("GET", "/v1/batches/batch_1")

    late = [item for item in await gateway.settled() if item["id"].startswith("late_")]
    assert {item["id"] for item in late} == {"late_batch_1"}
    assert {item["started_at"] for item in late} == {"2026-01-01T00:00:00.000+00:00"}
    assert (late[0]["tokens"]["input_fresh"], late[0]["tokens"]["output_text"]) == (70, 6)


async def test_a_background_response_is_charged_when_it_is_seen_finished(gateway: Gateway) -> None:
    done = {"id": "resp_1", "background": True, "status": "completed", "created_at": 1_790_000_000,
            "usage": {"input_tokens": 5, "output_tokens": 3}}  # fmt: skip
    gateway.upstream.answers = [
        json_answer({"id": "resp_1", "status": "queued", "background": True}),
        json_answer(done),
    ]

    await gateway.call("POST", "/v1/responses", {"model": "gpt-4o", "input": "x", "background": True})
    await gateway.settled()
    await gateway.call("GET", "/v1/responses/resp_1")

    events = {item["id"].split("_")[0]: item for item in await gateway.settled()}
    assert events["late"]["tokens"]["output_text"] == 3
    assert sum(item["tokens"]["output_text"] for item in await gateway.settled()) == 3
