"""Keys, limits and budgets as the users of the real SDKs meet them, on a gateway that an operator runs by its management API."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import openai
import pytest
import pytest_asyncio
from openai import AsyncOpenAI, AzureOpenAI, OpenAI

from shared.clock import SystemClock
from tests.e2e.conftest import CONFIG, Tollgate
from tests.peers.issuer import GATEWAY, TENANT, Issuer, serving

OPERATOR = "sk-CANARY-operator-key-0123456789"
HELLO: Any = [{"role": "user", "content": "Say hello."}]
GOVERNED = (
    CONFIG.replace("{id: other}]", "{id: other}, {id: platform}]")
    + """
entra:
  tenants: [%(tenant)s]
  audiences: [%(audience)s]
  authority: %(authority)s
  mappings: [{role: Developer, owner: teams/demo, users_of_team: true}]
"""
).replace(
    "keys:\n",
    'keys:\n  - {id: vk_operator, owner: teams/platform, role: platform_admin, secret_ref: "env:OPERATOR_KEY"}\n',
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def issuer() -> AsyncIterator[Issuer]:
    async with serving(SystemClock()) as running:
        yield running


@pytest.fixture(scope="module")
def governed(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tollgate]:
    directory = tmp_path_factory.mktemp("governed")
    config = directory / "gateway.yaml"
    config.write_text(GOVERNED % {"tenant": TENANT, "audience": GATEWAY, "authority": issuer.authority})
    running = Tollgate(
        directory,
        config,
        OPERATOR_KEY=OPERATOR,
        EXPIRED_KEY="sk-expired-key-01234",
        DISABLED_KEY="sk-disabled-key-01234",
    )
    running.start()
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture
def operator(governed: Tollgate) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {OPERATOR}"}
    with httpx.Client(base_url=f"{governed.url}/api/v1/", headers=headers) as client:
        yield client


def team_with(operator: httpx.Client, name: str, **resources: dict[str, Any]) -> str:
    """Make a team with these policies and budgets, and return the secret of its key."""
    assert operator.post("teams", json={"id": name}).status_code == 201
    for kind, resource in resources.items():
        assert operator.post(kind, json={"scope": f"teams/{name}", **resource}).status_code == 201
    answer = operator.post("keys", json={"owner": f"teams/{name}"})
    assert answer.status_code == 201
    return str(answer.json()["secret"])


def test_the_sdk_waits_as_long_as_a_rate_limit_asks_and_then_gets_through(
    governed: Tollgate, operator: httpx.Client
) -> None:
    key = team_with(operator, "paced", policies={"rate_limits": [{"unit": "requests", "limit": 1, "window_s": 2}]})

    with OpenAI(base_url=f"{governed.url}/v1", api_key=key, max_retries=3) as client:
        answers = [client.chat.completions.create(model="gpt-4o", messages=HELLO) for _ in range(3)]

    assert all(answer.choices[0].message.content for answer in answers)


def ask(governed: Tollgate, key: str, kind: str) -> None:
    if kind == "azure":
        with AzureOpenAI(azure_endpoint=governed.url, api_key=key, api_version="2025-04-01-preview") as azure:
            azure.chat.completions.create(model="gpt-4o", messages=HELLO)
        return
    with OpenAI(base_url=f"{governed.url}/v1", api_key=key) as client:
        if kind == "responses":
            client.responses.create(model="gpt-5", input="hi")
        else:
            client.chat.completions.create(model="gpt-4o", messages=HELLO)


@pytest.mark.parametrize("kind", ["openai", "azure", "responses"])
def test_no_sdk_gets_a_call_past_a_spent_budget_and_none_repeats_it(
    governed: Tollgate, operator: httpx.Client, kind: str
) -> None:
    key = team_with(operator, f"broke-{kind}", budgets={"amount": "0"})

    with pytest.raises(openai.RateLimitError) as refused:
        ask(governed, key, kind)

    assert refused.value.code == "insufficient_quota"
    assert f"teams/broke-{kind}" in refused.value.message
    request_id = refused.value.response.headers["x-request-id"]
    governed.event_of(request_id)
    assert [event["id"] for event in governed.events() if event["team"] == f"broke-{kind}"] == [request_id]


def test_streams_and_calls_are_charged_to_the_budget_with_what_they_used(
    governed: Tollgate, operator: httpx.Client
) -> None:
    key = team_with(operator, "spender", budgets={"id": "bud_spender", "amount": "5"})

    with OpenAI(base_url=f"{governed.url}/v1", api_key=key) as client:
        usage = client.chat.completions.create(model="gpt-4o", messages=HELLO).usage
        assert usage is not None
        for _ in client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True):
            pass

    each = usage.prompt_tokens * 2_500 + usage.completion_tokens * 10_000
    status = operator.get("budgets/bud_spender/status").json()
    assert int(float(status["spent"]) * 10**9) == pytest.approx(2 * each, rel=0.2)
    assert status["percent"] == 0


@pytest.mark.asyncio(loop_scope="module")
async def test_an_access_token_of_entra_id_is_taken_in_place_of_a_key(governed: Tollgate, issuer: Issuer) -> None:
    token = issuer.for_person(roles=["Developer"], preferred_username="Ada@Example.com")

    async with AsyncOpenAI(base_url=f"{governed.url}/v1", api_key=token) as client:
        answer = await client.chat.completions.with_raw_response.create(model="gpt-4o", messages=HELLO)

    event = governed.event_of(answer.headers["x-request-id"])
    assert (event["principal_kind"], event["team"], event["user"]) == ("entra", "demo", "ada@example.com")
    assert token not in governed.log.read_text()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_token_without_a_role_here_is_refused_as_the_sdk_expects(governed: Tollgate, issuer: Issuer) -> None:
    async with AsyncOpenAI(base_url=f"{governed.url}/v1", api_key=issuer.for_person(roles=["Visitor"])) as client:
        with pytest.raises(openai.PermissionDeniedError) as refused:
            await client.chat.completions.create(model="gpt-4o", messages=HELLO)

    assert refused.value.code == "token_not_mapped"


def test_secrets_are_in_no_log_and_in_no_file(governed: Tollgate, operator: httpx.Client) -> None:
    key = team_with(operator, "secretive")
    operator.put("secrets/upstream", json={"value": "CANARY-upstream-secret"})
    with OpenAI(base_url=f"{governed.url}/v1", api_key=key) as client:
        client.models.list()

    for path in [governed.log, *(governed.directory / "data").rglob("*")]:
        if path.is_file():
            content = path.read_bytes()
            assert all(secret not in content for secret in (key.encode(), OPERATOR.encode(), b"CANARY-upstream"))
