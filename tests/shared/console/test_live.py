"""From a developer's call to the page that finance reads, on one runtime."""

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import orjson
import pytest

from shared.console.live import console_of
from shared.console.service import Console
from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.jobs.composition import intake_of
from shared.jobs.usage_ingest import ingest
from shared.management.api import ManagementApi
from shared.management.live import parts_of
from tests.shared.gateway.harness import KEYS, Gateway, json_answer
from tests.shared.gateway.limited import chat_answer, gateway_with


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = gateway_with(tmp_path)
    yield gateway
    await gateway.runtime.bookkeeping.close()


@pytest.fixture
def console(gateway: Gateway) -> Console:
    return console_of(gateway.runtime, ManagementApi(parts_of(gateway.runtime)))


async def send(
    console: Console, method: str, path: str, form: dict[str, str] | None = None, cookie: str = ""
) -> GatewayResponse:
    headers = {"host": "localhost:7071", "origin": "http://localhost:7071", "cookie": cookie}
    headers["content-type"] = "application/x-www-form-urlencoded"

    async def body() -> AsyncGenerator[bytes]:
        yield urlencode(form or {}).encode()

    request = GatewayRequest(method, path, "", headers, list(headers.items()), body, "127.0.0.1")
    return await console.handle(request)


async def test_what_a_call_cost_is_on_the_overview(gateway: Gateway, console: Console) -> None:
    gateway.upstream.rule = lambda _: json_answer(chat_answer(0, 400))
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Say hello"}]}
    assert (await gateway.call("POST", "/v1/chat/completions", body)).status == 200
    events = [orjson.dumps(event) for event in await gateway.settled()]
    await ingest(events, intake_of(gateway.runtime), gateway.runtime.last_use)
    gateway.clock.advance(1)

    signed_in = await send(console, "POST", "/console/sign-in", {"key": KEYS["platform"]})
    cookie = dict(signed_in.headers)["set-cookie"].partition(";")[0]
    pages = {}
    for path in ("/console", "/console/costs", "/console/entries", "/console/periods", "/console/reports",
                 "/console/reconciliation", "/console/sessions", "/console/alerts", "/console/dead-letters"):  # fmt: skip
        answer = await send(console, "GET", path, cookie=cookie)
        assert isinstance(answer.body, bytes)
        assert answer.status == 200, answer.body
        pages[path] = answer.body.decode()

    assert 'title="0.004 USD"' in pages["/console"]
    assert "research" in pages["/console"]
    assert 'title="0.004 USD"' in pages["/console/costs"]
    assert "led_req_" in pages["/console/entries"]
