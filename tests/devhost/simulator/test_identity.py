import aiohttp
import pytest
from azure.identity.aio import ManagedIdentityCredential
from openai import AsyncOpenAI

from devhost.simulator import Simulator


async def test_azure_identity_gets_a_token_that_opens_the_door(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", sim.identity_endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", sim.identity_header)
    async with ManagedIdentityCredential() as credential:
        token = await credential.get_token("https://cognitiveservices.azure.com/.default")
    assert sim.minted_tokens == 1
    async with AsyncOpenAI(base_url=f"{sim.endpoint}/openai/v1/", api_key=token.token) as client:
        assert (await client.models.list()).data


@pytest.mark.parametrize(
    ("header", "query", "status"),
    [
        ("wrong", {"api-version": "2019-08-01", "resource": "https://ai.azure.com"}, 401),
        (None, {"api-version": "2017-09-01", "resource": "https://ai.azure.com"}, 400),
        (None, {"api-version": "2019-08-01"}, 400),
    ],
)
async def test_a_wrong_request_for_a_token_is_refused(
    sim: Simulator, header: str | None, query: dict[str, str], status: int
) -> None:
    headers = {"x-identity-header": header or sim.identity_header}
    async with (
        aiohttp.ClientSession() as session,
        session.get(sim.identity_endpoint, params=query, headers=headers) as response,
    ):
        assert response.status == status


async def test_a_client_id_is_echoed(sim: Simulator) -> None:
    query = {"api-version": "2019-08-01", "resource": "https://ai.azure.com", "client_id": "me"}
    async with aiohttp.ClientSession() as session:
        headers = {"x-identity-header": sim.identity_header}
        async with session.get(sim.identity_endpoint, params=query, headers=headers) as response:
            answer = await response.json()
    assert answer["client_id"] == "me"
    assert answer["expires_on"].isdecimal()
