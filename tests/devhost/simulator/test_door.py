import asyncio
from typing import Any

import aiohttp
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI, AuthenticationError, NotFoundError

from devhost.simulator import Simulator

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
KEY = {"api-key": "simulator-key"}


async def status_of(method: str, url: str, headers: dict[str, str] = KEY, **more: Any) -> int:
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers, **more) as response:
        await response.read()
        return response.status


@pytest.mark.parametrize("audience", ["https://cognitiveservices.azure.com", "https://ai.azure.com/"])
async def test_a_minted_token_of_either_audience_is_good(sim: Simulator, audience: str) -> None:
    async with AsyncOpenAI(base_url=f"{sim.endpoint}/openai/v1/", api_key=sim.mint_token(audience)) as client:
        assert (await client.chat.completions.create(model="gpt-4o", messages=HELLO)).choices


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", ""])
async def test_a_foreign_token_is_refused(sim: Simulator, token: str) -> None:
    url = f"{sim.endpoint}/openai/v1/models"
    assert await status_of("GET", url, {"authorization": f"Bearer {token}"}) == 401


async def test_a_token_for_another_service_is_refused(sim: Simulator) -> None:
    token = sim.mint_token("https://vault.azure.net")
    assert await status_of("GET", f"{sim.endpoint}/openai/v1/models", {"authorization": f"Bearer {token}"}) == 401


async def test_an_expired_token_is_refused() -> None:
    async with Simulator(token_lifetime_s=-1) as sim:
        headers = {"authorization": f"Bearer {sim.mint_token()}"}
        assert await status_of("GET", f"{sim.endpoint}/openai/v1/models", headers) == 401


async def test_revoked_tokens_are_refused_and_new_ones_are_good(sim: Simulator, openai: AsyncOpenAI) -> None:
    assert await status_of("POST", f"{sim.endpoint}/_simulator/revoke") == 204
    with pytest.raises(AuthenticationError) as refusal:
        await openai.models.list()
    assert refusal.value.code == "401"
    openai.api_key = sim.mint_token()
    assert (await openai.models.list()).data


async def test_a_virtual_key_in_any_header_is_a_counted_leak(sim: Simulator) -> None:
    headers = {**KEY, "x-gateway-key": "sk-abc"}
    assert await status_of("GET", f"{sim.endpoint}/openai/v1/models", headers) == 401
    assert await status_of("GET", f"{sim.endpoint}/openai/v1/models", {"authorization": "Bearer sk-abc"}) == 401
    assert sim.leaked_credentials == 2


async def test_a_word_with_sk_in_it_is_no_leak(sim: Simulator) -> None:
    assert await status_of("GET", f"{sim.endpoint}/openai/v1/models", {**KEY, "x-note": "task-5"}) == 200
    assert sim.leaked_credentials == 0


@pytest.mark.parametrize("path", ["moderations", "uploads", "conversations", "videos", "images/variations", "nonsense"])
async def test_what_azure_lacks_is_not_found(sim: Simulator, path: str) -> None:
    assert await status_of("POST", f"{sim.endpoint}/openai/v1/{path}", json={}) == 404


@pytest.mark.parametrize(
    "address",
    [
        "/openai/deployments/gpt-4o/chat/completions",
        "/openai/deployments/gpt-4o/chat/completions?api-version=tomorrow",
        "/openai/deployments/gpt-4o/chat/completions?api-version=2031-01-01",
        "/openai/chat/completions?api-version=2024-10-21",
        "/openai/deployments/gpt-4o/responses?api-version=2025-04-01-preview",
        "/v1/chat/completions",
        "/",
    ],
)
async def test_a_wrong_address_or_version_is_not_found(sim: Simulator, address: str) -> None:
    assert await status_of("POST", sim.endpoint + address, json={"messages": HELLO}) == 404


async def test_v1_takes_no_dated_version_and_responses_need_a_late_one(sim: Simulator) -> None:
    body = {"model": "gpt-4o", "messages": HELLO}
    chat = f"{sim.endpoint}/openai/v1/chat/completions"
    assert await status_of("POST", f"{chat}?api-version=2024-10-21", json=body) == 400
    assert await status_of("POST", f"{chat}?api-version=preview", json=body) == 200
    body = {"model": "gpt-4o", "input": "hi"}
    responses = f"{sim.endpoint}/openai/responses"
    assert await status_of("POST", f"{responses}?api-version=2024-10-21", json=body) == 400
    assert await status_of("POST", f"{responses}?api-version=2025-04-01-preview", json=body) == 200


async def test_an_unknown_deployment_says_so_on_both_forms(openai: AsyncOpenAI, azure: AsyncAzureOpenAI) -> None:
    for client in (openai, azure):
        with pytest.raises(NotFoundError) as refusal:
            await client.chat.completions.create(model="gpt-9", messages=HELLO)
        assert refusal.value.code == "DeploymentNotFound"


async def test_a_null_model_is_fine_where_the_address_names_the_deployment(sim: Simulator) -> None:
    url = f"{sim.endpoint}/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
    assert await status_of("POST", url, json={"model": None, "messages": HELLO}) == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"model": 7}', b"{}", b'"\xff"'])
async def test_a_body_that_is_no_request_is_a_400(sim: Simulator, body: bytes) -> None:
    headers = {**KEY, "content-type": "application/json"}
    assert await status_of("POST", f"{sim.endpoint}/openai/v1/chat/completions", headers, data=body) == 400


async def test_every_answer_carries_azures_headers(openai: AsyncOpenAI) -> None:
    response = await openai.chat.completions.with_raw_response.create(model="gpt-4o", messages=HELLO)
    assert response.headers["apim-request-id"]
    assert response.headers["x-ms-region"]
    assert response.headers["x-ms-deployment-name"] == "gpt-4o"
    assert response.headers["x-ratelimit-remaining-requests"] == "999"
    assert response.headers["set-cookie"] == "sim=1"


async def test_requests_are_recorded_as_they_came(sim: Simulator) -> None:
    url = f"{sim.endpoint}/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21&x=%20"
    body = b'{"messages" : [{"role":"user","content":"Hi"}]}'
    await status_of("POST", url, {**KEY, "X-Note": "A", "content-type": "application/json"}, data=body)
    [recorded] = sim.requests
    assert (recorded.method, recorded.deployment, recorded.body) == ("POST", "gpt-4o", body)
    assert recorded.path == "/openai/deployments/gpt-4o/chat/completions"
    assert recorded.query.startswith("api-version=2024-10-21&x=")
    assert recorded.headers.getall("x-note") == ["A"]
    assert all(name == name.lower() for name in recorded.headers)


async def test_a_head_request_is_answered_without_a_body(sim: Simulator) -> None:
    assert await status_of("HEAD", f"{sim.endpoint}/openai/v1/models") == 404
    assert await status_of("HEAD", sim.endpoint) == 404


async def test_a_field_of_the_wrong_shape_deep_in_the_body_is_a_400(sim: Simulator) -> None:
    body = {"model": "gpt-4o", "messages": HELLO, "response_format": {"type": "json_schema", "json_schema": 7}}
    assert await status_of("POST", f"{sim.endpoint}/openai/v1/chat/completions", json=body) == 400


async def test_a_client_that_leaves_is_counted(sim: Simulator, openai: AsyncOpenAI) -> None:
    stream = await openai.chat.completions.create(model="gpt-4o--stall=60000", messages=HELLO, stream=True)
    async with stream:
        await anext(aiter(stream))
    async with asyncio.timeout(10):
        while not sim.abandoned:
            await status_of("GET", f"{sim.endpoint}/_simulator/state")
    assert sim.abandoned == 1


async def test_wrong_types_never_break_it(sim: Simulator) -> None:
    for wrong in (7, "x", [], {}, True, [[]], [7]):
        for name in ("messages", "tools", "tool_choice", "response_format", "stop", "stream_options"):
            body = {"model": "gpt-4o", "messages": HELLO, name: wrong}
            assert await status_of("POST", f"{sim.endpoint}/openai/v1/chat/completions", json=body) in (200, 400)
