"""No call gets past a rate limit, a quota or a limit of calls at a time, and whoever is refused is told what would help."""

import asyncio
from pathlib import Path

import pytest

from tests.shared.gateway.harness import CHAT_STREAM, Gateway, collect, error_of, header_of, json_answer, sse_answer
from tests.shared.gateway.limited import chat_answer, gateway_with

THREE = "id: pol_a, scope: teams/research, rate_limits: [{unit: requests, limit: 3}]"
ROUTES = [
    ("POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}),
    ("POST", "/v1/responses", {"model": "gpt-4o", "input": "x"}),
    ("POST", "/v1/embeddings", {"model": "gpt-4o", "input": "x"}),
    ("POST", "/openai/v1/chat/completions", {"model": "gpt-4o", "messages": []}),
    ("POST", "/openai/deployments/gpt-4o/chat/completions", {"messages": []}),
    ("POST", "/openai/deployments/gpt-4o/embeddings", {"input": "x"}),
]


async def test_the_limit_is_met_exactly_and_the_next_window_is_free_again(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, THREE)

    statuses = [(await gateway.chat()).status for _ in range(5)]
    gateway.clock.advance(60)

    assert statuses == [200, 200, 200, 429, 429]
    assert (await gateway.chat()).status == 200


async def test_a_refusal_names_the_limit_the_level_and_the_wait(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, THREE)
    gateway.clock.advance(12.5)
    for _ in range(3):
        await gateway.chat()

    refused = await gateway.chat()

    error = error_of(refused)
    assert (refused.status, error["code"], error["type"]) == (429, "rate_limit_exceeded", "requests")
    assert "limit of 3 requests per minute of teams/research" in error["message"]
    assert header_of(refused, "retry-after-ms") == "47500"
    assert header_of(refused, "retry-after") == "48"
    assert header_of(refused, "x-ratelimit-limit-requests") == "3"
    assert header_of(refused, "x-ratelimit-remaining-requests") == "0"
    assert header_of(refused, "x-should-retry") is None


async def test_what_is_left_is_told_with_every_answer_instead_of_what_the_upstream_says(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, THREE)
    gateway.upstream.rule = lambda _: json_answer(
        chat_answer(9, 2), x_ratelimit_remaining_requests="999", x_ratelimit_remaining_tokens="888"
    )

    answer = await gateway.chat()

    assert [value for name, value in answer.headers if name == "x-ratelimit-remaining-requests"] == ["2"]
    assert header_of(answer, "x-ratelimit-remaining-tokens") == "888"
    assert header_of(answer, "x-ratelimit-reset-requests") == "1m0s"


async def test_one_limit_holds_for_every_route_together(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, THREE.replace("limit: 3", f"limit: {len(ROUTES)}"))

    first = [(await gateway.call(*route)).status for route in ROUTES]
    second = [(await gateway.call(*route)).status for route in ROUTES]

    assert 429 not in first
    assert second == [429] * len(ROUTES)


async def test_of_many_calls_at_once_exactly_as_many_as_allowed_go_through(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, THREE.replace("limit: 3", "limit: 17"))

    statuses = [answer.status for answer in await asyncio.gather(*(gateway.chat() for _ in range(60)))]

    assert statuses.count(200) == 17
    assert len(gateway.upstream.sent) == 17


async def test_another_team_is_not_concerned(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, THREE.replace("limit: 3", "limit: 0"))

    assert (await gateway.chat()).status == 429
    assert (await gateway.chat(team="other")).status == 200


async def test_the_organization_s_limit_counts_everybody_and_per_key_counts_each(tmp_path: Path) -> None:
    shared = gateway_with(tmp_path, THREE.replace("teams/research", "organization"))
    each = gateway_with(tmp_path, THREE.replace("scope: teams/research", "scope: organization, per: key"))
    teams = ["research", "other"] * 3

    assert [(await shared.chat(team=team)).status for team in teams] == [200] * 3 + [429] * 3
    assert [(await each.chat(team=team)).status for team in teams] == [200] * 6


async def test_the_strictest_of_several_limits_wins(tmp_path: Path) -> None:
    gateway = gateway_with(
        tmp_path,
        """
        id: pol_a, scope: organization, rate_limits: [{unit: requests, limit: 4}]
        id: pol_b, scope: teams/research, rate_limits: [{unit: requests, limit: 2}]
        """,
    )

    refusals = [await gateway.chat() for _ in range(3)]

    assert "teams/research" in error_of(refusals[2])["message"]
    # What the team's limit refused is not counted against the organization's.
    assert [(await gateway.chat(team="other")).status for _ in range(3)] == [200, 200, 429]


async def test_in_shadow_mode_nothing_is_refused_and_what_would_have_been_is_reported(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, THREE.replace("scope:", "mode: shadow, scope:"))

    statuses = [(await gateway.chat()).status for _ in range(5)]

    assert statuses == [200] * 5
    reports = [event["shadow"] for event in await gateway.settled()]
    assert reports == [[], [], [], *[["pol_a: limit of 3 requests per minute"]] * 2]


async def test_what_is_off_does_nothing(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, THREE.replace("scope:", "mode: off, scope:"))

    assert [(await gateway.chat()).status for _ in range(5)] == [200] * 5


async def test_tokens_are_settled_as_they_were_used(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, "id: pol_a, scope: teams/research, rate_limits: [{unit: tokens, limit: 300}]")
    gateway.upstream.rule = lambda _: json_answer(chat_answer(20, 70))

    answers = [await gateway.chat(max_tokens=100) for _ in range(4)]

    # 90 tokens each: after three calls 30 are left, and a fourth could take more than a hundred.
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert header_of(answers[3], "x-ratelimit-remaining-tokens") == "30"
    assert error_of(answers[3])["type"] == "tokens"
    assert "30 are left" in error_of(answers[3])["message"]


async def test_a_quota_begins_anew_with_the_calendar_of_its_time_zone(tmp_path: Path) -> None:
    quota = "quotas: [{tokens: 100, period: day, time_zone: Asia/Tokyo}]"
    gateway = gateway_with(tmp_path, f"id: pol_a, scope: teams/research, {quota}")
    gateway.upstream.rule = lambda _: json_answer(chat_answer(20, 70))

    first, second = await gateway.chat(max_tokens=70), await gateway.chat(max_tokens=70)
    gateway.clock.advance(15 * 3600)

    assert (first.status, second.status) == (200, 429)
    assert "quota of 100 tokens per day" in error_of(second)["message"]
    assert (await gateway.chat(max_tokens=70)).status == 200


async def test_a_stream_holds_its_place_until_its_end(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, "id: pol_a, scope: teams/research, max_concurrency: 1")
    gateway.upstream.rule = lambda _: sse_answer(*CHAT_STREAM)

    running = await gateway.chat(stream=True)
    refused = await gateway.chat(stream=True)
    await collect(running)

    assert refused.status == 429
    assert "1 calls at a time of teams/research" in error_of(refused)["message"]
    assert (await gateway.chat(stream=True)).status == 200


@pytest.mark.parametrize("failing", ["upstream", "model"])
async def test_a_place_is_free_again_after_a_failure(tmp_path: Path, failing: str) -> None:
    gateway = gateway_with(tmp_path, "id: pol_a, scope: teams/research, max_concurrency: 1")
    if failing == "upstream":
        gateway.upstream.rule = lambda _: json_answer({"error": {"message": "no"}}, 500)
        await gateway.chat()
        gateway.upstream.rule = lambda _: json_answer(chat_answer(1, 1))
        gateway.clock.advance(30)
    else:
        await gateway.chat("missing")

    assert (await gateway.chat()).status == 200


async def test_the_warm_path_asks_the_store_nothing(tmp_path: Path) -> None:
    gateway = gateway_with(
        tmp_path,
        """
        id: pol_a, scope: organization, rate_limits: [{unit: requests, limit: 100000}, {unit: tokens, limit: 90000000}]
        id: pol_b, scope: teams/research, max_concurrency: 50, quotas: [{tokens: 900000000}]
        """,
        "id: bud_a, scope: teams/research, amount: 100000",
    )
    for _ in range(5):
        await gateway.chat(max_tokens=20)
        await gateway.settled()
    asked = count_calls(gateway)

    for _ in range(20):
        assert (await gateway.chat(max_tokens=20)).status == 200

    assert asked == []


def count_calls(gateway: Gateway) -> list[str]:
    """Return a list that grows with every call to the store before an upstream answers."""
    asked: list[str] = []
    for name in ("get", "create", "upsert", "replace", "increment", "batch", "query", "changes", "tip"):
        method = getattr(gateway.documents, name)

        async def counted(*args: object, _name: str = name, _method: object = method, **kwargs: object) -> object:
            asked.append(_name)
            return await _method(*args, **kwargs)  # type: ignore[operator]

        setattr(gateway.documents, name, counted)
    return asked


async def test_with_the_store_away_leases_go_on_and_then_limits_are_kept(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, THREE.replace("limit: 3", "limit: 100"))
    await gateway.chat()
    gateway.documents.is_down = True

    answers = [await gateway.chat() for _ in range(100)]

    statuses = [answer.status for answer in answers]
    assert statuses[0] == 200
    assert set(statuses) == {200, 503}
    assert error_of(answers[-1])["code"] == "limits_unavailable"
    gateway.documents.is_down = False
    gateway.clock.advance(60)
    assert (await gateway.chat()).status == 200


async def test_what_calls_under_way_have_reserved_may_be_free_soon(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, "id: pol_a, scope: teams/research, rate_limits: [{unit: tokens, limit: 9000}]")
    gateway.upstream.rule = lambda _: sse_answer(*CHAT_STREAM)

    running = await gateway.chat(stream=True, max_tokens=8000)
    refused = await gateway.chat(max_tokens=2000)
    await collect(running)

    assert (refused.status, header_of(refused, "retry-after")) == (429, "2")


async def test_nobody_is_sent_to_wait_for_a_month(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, "id: pol_a, scope: teams/research, quotas: [{tokens: 2000}]")
    gateway.upstream.rule = lambda _: json_answer(chat_answer(100, 1500))
    await gateway.chat(max_tokens=1800)

    refused = await gateway.chat(max_tokens=1800)

    assert (refused.status, header_of(refused, "x-should-retry")) == (429, "false")


async def test_a_smooth_limit_serves_who_uses_little_of_what_he_reserves(tmp_path: Path) -> None:
    limit = "{unit: tokens, limit: 9000, algorithm: smooth}"
    gateway = gateway_with(tmp_path, f"id: pol_a, scope: teams/research, rate_limits: [{limit}]")
    gateway.upstream.rule = lambda _: json_answer(chat_answer(9, 20))

    statuses = []
    for _ in range(120):
        statuses.append((await gateway.chat(max_tokens=2000)).status)
        gateway.clock.advance(1)

    assert statuses == [200] * 120
