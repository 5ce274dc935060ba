"""What an operator sets holds for the next calls, and what is shown is what the gateway itself counts."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.gateway.message import GatewayRequest, GatewayResponse
from shared.management.api import ManagementApi
from shared.management.live import parts_of
from tests.shared.gateway.harness import KEYS, Gateway, error_of, json_answer
from tests.shared.gateway.limited import PRICES, chat_answer, gateway_with

SEEN_S = 6
"""Seconds after which a change has been heard of."""


class Desk:
    """The gateway, and the management API on the same runtime."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._api = ManagementApi(parts_of(gateway.runtime))

    async def manage(self, method: str, path: str, body: object = None, key: str = KEYS["platform"]) -> Any:
        answer = await self.answer(method, path, body, key)
        assert answer.status < 300, answer.body
        assert isinstance(answer.body, bytes)
        return orjson.loads(answer.body) if answer.body else None

    async def answer(self, method: str, path: str, body: object = None, key: str = KEYS["platform"]) -> GatewayResponse:
        path, _, query = path.partition("?")
        raw = b"" if body is None else orjson.dumps(body)

        async def pieces() -> Any:
            yield raw

        headers = {"authorization": f"Bearer {key}", "content-type": "application/json", "if-match": "*"}
        request = GatewayRequest(method, f"/api/v1/{path}", query, headers, list(headers.items()), pieces)
        return await self._api.handle(request)

    async def chat(self, key: str, **more: Any) -> GatewayResponse:
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Say hello"}], **more}
        return await self.gateway.call("POST", "/v1/chat/completions", body, team=None, authorization=f"Bearer {key}")

    def wait(self) -> None:
        self.gateway.clock.advance(SEEN_S)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(gateway_with(tmp_path))


async def test_from_a_new_team_to_its_last_cent(desk: Desk) -> None:
    await desk.manage("POST", "teams", {"id": "search", "models": ["gpt-*"], "cost_center": "42"})
    await desk.manage("POST", "budgets", {"id": "bud_s", "scope": "teams/search", "amount": "0.01"})
    minted = await desk.manage("POST", "keys", {"owner": "teams/search"})
    desk.gateway.upstream.rule = lambda _: json_answer(chat_answer(0, 400))

    statuses = [(await desk.chat(minted["secret"], max_tokens=400)).status for _ in range(3)]

    assert statuses == [200, 200, 429]
    status = await desk.manage("GET", "budgets/bud_s/status")
    assert (status["spent"], status["percent"]) == ("0.008", 80)
    (_, event, _) = await desk.gateway.settled()
    assert (event["team"], event["key"], event["cost_center"]) == ("search", minted["id"], "42")
    alerts = await desk.manage("GET", "alerts")
    assert {alert["percent"] for alert in alerts["data"]} >= {50, 80}


async def test_a_raised_budget_lets_calls_through_again(desk: Desk) -> None:
    await desk.manage("POST", "budgets", {"id": "bud_s", "scope": "teams/research", "amount": "0"})
    refused = await desk.chat(KEYS["research"])

    await desk.manage("PATCH", "budgets/bud_s", {"amount": "5"})
    desk.wait()

    assert error_of(refused)["code"] == "insufficient_quota"
    assert (await desk.chat(KEYS["research"])).status == 200


async def test_disabling_a_key_ends_it_and_enabling_brings_it_back(desk: Desk) -> None:
    minted = await desk.manage("POST", "keys", {"owner": "teams/research"})
    statuses = [(await desk.chat(minted["secret"])).status]
    for action in ("disable", "enable"):
        await desk.manage("POST", f"keys/{minted['id']}/{action}")
        desk.wait()
        statuses.append((await desk.chat(minted["secret"])).status)

    assert statuses == [200, 401, 200]


async def test_while_a_rotation_has_its_grace_both_secrets_work_and_then_the_new_one_alone(desk: Desk) -> None:
    old = await desk.manage("POST", "keys", {"owner": "teams/research"})
    new = await desk.manage("POST", f"keys/{old['id']}/rotate", {"grace_s": 60})
    desk.wait()

    during = [(await desk.chat(secret)).status for secret in (old["secret"], new["secret"])]
    desk.gateway.clock.advance(60)
    after = [(await desk.chat(secret)).status for secret in (old["secret"], new["secret"])]

    assert (during, after) == ([200, 200], [401, 200])


async def test_a_narrower_key_may_do_less_than_its_team(desk: Desk) -> None:
    minted = await desk.manage(
        "POST", "keys", {"owner": "teams/research", "models": ["plain-*"], "endpoints": ["chat.*"]}
    )

    async def status(path: str, model: str) -> int:
        return (
            await desk.gateway.call(
                "POST", path, {"model": model, "input": "x"}, team=None, authorization=f"Bearer {minted['secret']}"
            )
        ).status

    assert await status("/v1/chat/completions", "plain-a") == 200
    assert await status("/v1/chat/completions", "gpt-4o") == 404
    assert await status("/v1/embeddings", "plain-a") == 403


async def test_explain_says_what_a_call_would_meet_and_counts_nothing(desk: Desk) -> None:
    await desk.manage(
        "POST",
        "policies",
        {
            "id": "pol_a",
            "scope": "teams/research",
            "max_output_tokens": 100,
            "rate_limits": [{"unit": "requests", "limit": 1}],
        },
    )
    await desk.manage("POST", "budgets", {"id": "bud_a", "scope": "teams/research", "amount": "0.002"})
    question = {"key": "vk_research", "endpoint": "chat.completions", "model": "gpt-4o", "max_output_tokens": 5000}

    for _ in range(3):
        told = await desk.manage("POST", "explain", question)
    assert (await desk.chat(KEYS["research"], max_tokens=5000)).status == 200
    refused = await desk.manage("POST", "explain", question)

    assert told["allowed"] is True
    reasons = {reason["rule"]: reason for reason in told["reasons"]}
    assert reasons["max_output_tokens"]["outcome"] == "changes"
    assert reasons["budget of 0.002 per month"]["detail"] == "0 of 0.002 used, this call needs 0.001"
    assert (refused["status"], refused["code"]) == (429, "rate_limit_exceeded")


async def test_explain_agrees_with_the_gateway(desk: Desk) -> None:
    await desk.manage(
        "POST", "policies", {"scope": "organization", "endpoints": ["chat.*"], "models": ["gpt-*", "both"]}
    )
    desk.wait()

    for model in ("gpt-4o", "plain-a", "missing"):
        for endpoint, path in (("chat.completions", "chat/completions"), ("embeddings", "embeddings")):
            answer = await desk.gateway.call("POST", f"/v1/{path}", {"model": model, "input": "x"})
            told = await desk.manage("POST", "explain", {"key": "vk_research", "endpoint": endpoint, "model": model})

            assert told["allowed"] is (answer.status == 200)


async def test_the_file_that_the_gateway_runs_on_changes_nothing_when_it_is_applied(tmp_path: Path) -> None:
    desk = Desk(gateway_with(tmp_path, "id: pol_f, scope: teams/research, max_concurrency: 3", prices=PRICES))
    teams = [{"id": "research", "cost_center": "4711"}, {"id": "other"}]
    policies = [{"id": "pol_f", "scope": "teams/research", "max_concurrency": 3}]

    told = await desk.manage("POST", "apply", {"resources": {"teams": teams, "policies": policies}})

    assert told["changes"] == []


ABOVE = "id: bud_wide, scope: organization, amount: 987654.321"


async def test_a_team_is_not_told_what_others_spend(tmp_path: Path) -> None:
    desk = Desk(gateway_with(tmp_path, "", ABOVE))
    await desk.manage("POST", "policies", {"scope": "organization", "rate_limits": [{"unit": "requests", "limit": 77}]})
    admin = await desk.manage("POST", "keys", {"owner": "teams/research", "role": "team_admin"})
    question = {"endpoint": "chat.completions", "model": "gpt-4o"}

    to_admin = await desk.manage("POST", "explain", question, admin["secret"])
    to_developer = await desk.manage("POST", "explain", question, KEYS["research"])
    to_platform = await desk.manage("POST", "explain", {**question, "key": admin["id"]})

    for told in (to_admin, to_developer):
        details = {reason["source"]: reason["detail"] for reason in told["reasons"]}
        assert details["bud_wide"] == "not reached"
        assert set(details.values()) & {"0 of 77 used, this call needs 1"} == set()
        assert "987654" not in str(told)
    assert "0 of 987654.321 used" in str(to_platform)
    assert told["allowed"] is to_platform["allowed"] is True


async def agreed(desk: Desk, model: str, asked: int | None) -> tuple[int, str | None]:
    """What the gateway answers; explain has said the same before."""
    limit = {} if asked is None else {"max_output_tokens": asked}
    question = {"key": "vk_research", "endpoint": "chat.completions", "model": model, "prompt_tokens": 3, **limit}
    told = await desk.manage("POST", "explain", question)
    body = {} if asked is None else {"max_tokens": asked}
    answer = await desk.gateway.call(
        "POST", "/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": "Hi"}], **body}
    )
    code = None if answer.status == 200 else error_of(answer)["code"]
    assert (told.get("status"), told.get("code")) == (None if answer.status == 200 else answer.status, code)
    return answer.status, code


async def test_explain_refuses_what_has_no_price_where_the_gateway_does(tmp_path: Path) -> None:
    desk = Desk(gateway_with(tmp_path, "", "id: bud_a, scope: teams/research, amount: 5"))

    assert await agreed(desk, "plain-unpriced", 10) == (403, "model_not_priced")
    assert await agreed(desk, "plain-cheap", 10) == (200, None)


@pytest.mark.parametrize("asked", [None, 5, 50, 500])
@pytest.mark.parametrize("modes", [("clamp", "refuse"), ("refuse", "clamp"), ("refuse", "refuse"), ("clamp", "clamp")])
async def test_explain_brings_down_and_refuses_output_as_the_gateway_does(
    tmp_path: Path, modes: tuple[str, str], asked: int | None
) -> None:
    near, far = modes
    desk = Desk(
        gateway_with(
            tmp_path,
            f"id: pol_near, scope: teams/research, max_output_tokens: 10, on_excess_output: {near}\n"
            f"id: pol_far, scope: organization, max_output_tokens: 100, on_excess_output: {far}",
        )
    )

    exceeded = [] if asked is None else [mode for mode, limit in ((near, 10), (far, 100)) if asked > limit]
    assert await agreed(desk, "gpt-4o", asked) == (
        (400, "max_tokens_exceeded") if "refuse" in exceeded else (200, None)
    )


@pytest.mark.parametrize(
    ("alias", "prices", "answered"),
    [
        ("plain-cheap", PRICES, "plain-cheap"),
        ("plain-dear", PRICES + '  - {model: "plain-dear", input: "99", output: "99"}\n', "gpt-4o"),
        ("nowhere", PRICES, "gpt-4o"),
    ],
)
async def test_explain_names_the_cheaper_model_that_the_gateway_would_take(
    tmp_path: Path, alias: str, prices: str, answered: str
) -> None:
    budget = (
        f"id: bud_a, scope: teams/research, amount: 1, thresholds: [{{percent: 1, action: downshift, model: {alias}}}]"
    )
    desk = Desk(gateway_with(tmp_path, "", budget, prices))
    desk.gateway.upstream.rule = lambda _: json_answer(chat_answer(0, 2_000))
    await desk.chat(KEYS["research"], max_tokens=2_000)

    told = await desk.manage(
        "POST", "explain", {"key": "vk_research", "endpoint": "chat.completions", "model": "gpt-4o"}
    )
    answer = await desk.chat(KEYS["research"], max_tokens=10)

    assert told["model"] == answered
    assert dict(answer.headers).get("x-gateway-downshift", answered).endswith(answered)


async def test_a_key_tells_when_it_was_used_last(desk: Desk) -> None:
    minted = await desk.manage("POST", "keys", {"owner": "teams/research"})
    before = await desk.manage("GET", f"keys/{minted['id']}")
    await desk.gateway.runtime.last_use.note([(minted["id"], desk.gateway.clock.now())])

    used = await desk.manage("GET", f"keys/{minted['id']}")

    assert "last_used_at" not in before
    assert used["last_used_at"] == desk.gateway.clock.now().isoformat()


async def test_explain_names_an_endpoint_that_there_is_not(desk: Desk) -> None:
    answer = await desk.answer("POST", "explain", {"endpoint": "chat/completions", "model": "gpt-4o"})

    assert answer.status == 422
    assert orjson.loads(answer.body)["errors"][0]["field"] == "endpoint"  # type: ignore[arg-type]


async def test_of_several_refusals_explain_names_the_one_that_the_gateway_gives(tmp_path: Path) -> None:
    limits = "max_prompt_bytes: 1, rate_limits: [{unit: requests, limit: 0}]"
    desk = Desk(gateway_with(tmp_path, f"id: pol_a, scope: teams/research, {limits}"))

    question = {"key": "vk_research", "endpoint": "chat.completions", "model": "gpt-4o", "prompt_bytes": 90}
    told = await desk.manage("POST", "explain", question)
    answer = await desk.chat(KEYS["research"])

    assert (told["status"], told["code"]) == (answer.status, error_of(answer)["code"]) == (429, "rate_limit_exceeded")


async def test_explain_knows_that_a_budget_throttles(desk: Desk) -> None:
    await desk.manage(
        "POST",
        "budgets",
        {
            "id": "bud_t",
            "scope": "teams/research",
            "amount": "1",
            "thresholds": [{"percent": 1, "action": "throttle", "requests_per_minute": 1}],
        },
    )
    desk.gateway.upstream.rule = lambda _: json_answer(chat_answer(10, 2000))
    question = {"key": "vk_research", "endpoint": "chat.completions", "model": "gpt-4o", "max_output_tokens": 10}

    statuses = [(await desk.chat(KEYS["research"], max_tokens=2000)).status for _ in range(3)]
    told = await desk.manage("POST", "explain", question)

    assert statuses == [200, 200, 429]
    assert (told["allowed"], told["status"]) == (False, 429)
    assert any("throttle to 1 requests per minute" in reason["rule"] for reason in told["reasons"])
