"""A list is a call like any other, however many reads there are behind it."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.wire.openai.endpoints import Kind
from tests.shared.gateway.harness import Answer, Gateway, error_of, header_of, json_answer
from tests.shared.gateway.limited import gateway_with

TWO_REQUESTS = "id: pol_a, scope: teams/research, rate_limits: [{unit: requests, limit: 2}]"


async def owning(gateway: Gateway, count: int) -> Gateway:
    for number in range(count):
        new = gateway.runtime.ownership.new(f"file-{number}", Kind.FILE, "research", "east")
        await gateway.runtime.ownership.register(new)
    gateway.upstream.rule = lambda request: json_answer({"id": request.url.rsplit("/", 1)[1]})
    return gateway


@pytest.mark.parametrize("path", ["/v1/files", "/v1/batches", "/v1/vector_stores", "/v1/containers"])
async def test_a_list_takes_one_request(tmp_path: Path, path: str) -> None:
    gateway = await owning(gateway_with(tmp_path, TWO_REQUESTS), 30)

    answers = [await gateway.call("GET", path) for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert error_of(answers[2])["code"] == "rate_limit_exceeded"
    assert [header_of(answer, "x-ratelimit-remaining-requests") for answer in answers] == ["1", "0", "0"]


async def test_the_models_of_a_caller_are_listed_for_nothing(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, TWO_REQUESTS)

    assert [(await gateway.call("GET", "/v1/models")).status for _ in range(5)] == [200] * 5


async def test_a_senseless_list_is_not_counted(tmp_path: Path) -> None:
    gateway = await owning(gateway_with(tmp_path, TWO_REQUESTS), 1)

    statuses = [(await gateway.call("GET", "/v1/files", query="limit=0")).status for _ in range(5)]

    assert statuses == [400] * 5
    assert (await gateway.call("GET", "/v1/files")).status == 200


async def test_a_list_is_one_of_the_calls_at_a_time_and_reads_a_few_objects_at_once(tmp_path: Path) -> None:
    gateway = await owning(gateway_with(tmp_path, "id: pol_a, scope: teams/research, max_concurrency: 1"), 40)
    asked, go_on = asyncio.Event(), asyncio.Event()

    def rule(request: Any) -> Answer:
        asked.set()
        body = orjson.dumps({"id": request.url.rsplit("/", 1)[1]})
        return Answer(200, {"content-type": "application/json"}, [go_on, body])

    gateway.upstream.rule = rule
    listing = asyncio.create_task(gateway.call("GET", "/v1/files", query="limit=40"))
    await asked.wait()
    for _ in range(20):
        await asyncio.sleep(0)

    assert len(gateway.upstream.sent) == 8
    assert (await gateway.call("GET", "/v1/files")).status == 429
    go_on.set()
    answer = await listing
    assert isinstance(answer.body, bytes)
    assert len(orjson.loads(answer.body)["data"]) == 40
    assert (await gateway.call("GET", "/v1/files")).status == 200
