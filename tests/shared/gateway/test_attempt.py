import asyncio

import pytest

from shared.providers.port import ConnectFailed, ConnectionLost, FirstByteTimeout, UpstreamFailure
from tests.shared.gateway.harness import CHAT_ANSWER, Gateway, error_of, header_of, json_answer

BROKEN = {"error": {"code": "500", "message": "upstream says no"}}


def hosts(gateway: Gateway) -> list[str]:
    return [request.url.split("/")[2].split(".")[0] for request in gateway.upstream.sent]


@pytest.mark.parametrize(
    "failure", [500, 502, 503, 504, 429, 408, ConnectFailed(), ConnectionLost(), FirstByteTimeout()]
)
async def test_the_next_target_answers_when_the_first_cannot(gateway: Gateway, failure: int | UpstreamFailure) -> None:
    first = json_answer(BROKEN, status=failure) if isinstance(failure, int) else failure
    gateway.upstream.answers = [first, json_answer(CHAT_ANSWER)]

    answer = await gateway.chat("both")

    assert answer.status == 200
    assert hosts(gateway) == ["east", "west"]
    assert header_of(answer, "x-gateway-deployment") == "west"
    assert header_of(answer, "x-gateway-attempts") == "2"
    (event,) = await gateway.settled()
    assert [attempt["deployment"] for attempt in event["attempts"]] == ["east", "west"]


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
async def test_the_callers_own_mistakes_are_not_tried_elsewhere(gateway: Gateway, status: int) -> None:
    gateway.upstream.answers = [json_answer(BROKEN, status=status, apim_request_id="a1")]

    answer = await gateway.chat("both")

    assert answer.status == status
    assert header_of(answer, "apim-request-id") == "a1"
    assert hosts(gateway) == ["east"]


async def test_a_permanent_500_is_asked_once_per_target_and_passed_on_verbatim(gateway: Gateway) -> None:
    gateway.upstream.rule = lambda _: json_answer(BROKEN, status=500)

    answer = await gateway.chat("both")

    assert answer.status == 500
    assert b"upstream says no" in bytes(answer.body)  # type: ignore[arg-type]
    assert hosts(gateway) == ["east", "west"]


@pytest.mark.parametrize("header", [{"retry_after_ms": "10"}, {"retry_after": "0"}, {"x_rate_limit_reset_tokens": "0"}])
async def test_a_short_wait_that_the_upstream_asks_for_is_kept(gateway: Gateway, header: dict[str, str]) -> None:
    gateway.upstream.answers = [json_answer(BROKEN, 429, **header), json_answer(CHAT_ANSWER)]

    answer = await gateway.chat()

    assert answer.status == 200
    assert hosts(gateway) == ["east", "east"]


async def test_a_long_wait_is_the_callers_to_make(gateway: Gateway) -> None:
    gateway.upstream.rule = lambda _: json_answer(BROKEN, 429, retry_after="60", x_ratelimit_remaining_tokens="0")

    answer = await gateway.chat()

    assert answer.status == 429
    assert header_of(answer, "retry-after") == "60"
    assert header_of(answer, "x-ratelimit-remaining-tokens") == "0"
    assert hosts(gateway) == ["east"]


async def test_a_throttled_target_is_left_alone_until_its_time(gateway: Gateway) -> None:
    gateway.upstream.answers = [json_answer(BROKEN, 429, retry_after="30")]

    await gateway.chat("both")
    await gateway.chat("both")
    gateway.clock.advance(31)
    await gateway.chat("both")

    assert hosts(gateway) == ["east", "west", "west", "east"]


async def test_attempts_are_bounded(gateway: Gateway) -> None:
    gateway.upstream.rule = lambda _: json_answer(BROKEN, 429, retry_after_ms="1")

    answer = await gateway.chat("both")

    assert answer.status == 429
    assert len(gateway.upstream.sent) == 3


async def test_a_refused_connection_is_tried_again_then_502(gateway: Gateway) -> None:
    gateway.upstream.rule = lambda _: ConnectFailed()

    answer = await gateway.chat()

    assert (answer.status, error_of(answer)["code"]) == (502, "upstream_unreachable")
    assert len(gateway.upstream.sent) == 3
    (event,) = await gateway.settled()
    assert (event["outcome"], event["usage_source"]) == ("upstream_error", "none")


async def test_a_silent_upstream_is_504_and_is_not_asked_twice(gateway: Gateway) -> None:
    gateway.upstream.rule = lambda _: FirstByteTimeout()

    answer = await gateway.chat()

    assert (answer.status, error_of(answer)["code"]) == (504, "upstream_timeout")
    assert len(gateway.upstream.sent) == 1


async def test_an_expired_token_is_renewed_once_and_nobody_notices(gateway: Gateway) -> None:
    gateway.upstream.answers = [json_answer({"error": {"code": "401"}}, 401), json_answer(CHAT_ANSWER)]

    answer = await gateway.chat()

    assert answer.status == 200
    assert [dict(request.headers)["authorization"] for request in gateway.upstream.sent] == [
        "Bearer token-1",
        "Bearer token-2",
    ]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_gateway_is_a_502_and_never_the_callers_401(gateway: Gateway, status: int) -> None:
    gateway.upstream.rule = lambda _: json_answer({"error": {"code": "401", "message": "tenant 123"}}, status)

    answer = await gateway.chat()

    assert (answer.status, error_of(answer)["code"]) == (502, "upstream_auth_failed")
    assert "tenant" not in error_of(answer)["message"]


async def test_without_a_credential_the_gateway_says_503(gateway: Gateway) -> None:
    gateway.tokens.is_broken = True

    answer = await gateway.chat()

    assert (answer.status, error_of(answer)["code"]) == (503, "credential")
    assert gateway.upstream.sent == []


async def test_a_broken_deployment_is_left_alone_then_probed_by_one_call(gateway: Gateway) -> None:
    gateway.upstream.rule = lambda _: json_answer(BROKEN, status=500)
    for _ in range(3):
        await gateway.chat()

    refused = await gateway.chat()
    assert (refused.status, error_of(refused)["code"]) == (503, "circuit_open")
    assert header_of(refused, "retry-after") == "10"
    assert len(gateway.upstream.sent) == 3

    gateway.clock.advance(11)
    gateway.upstream.rule = lambda _: json_answer(CHAT_ANSWER)
    answers = await asyncio.gather(gateway.chat(), gateway.chat())
    assert sorted(answer.status for answer in answers) == [200, 503]
    assert (await gateway.chat()).status == 200


async def test_an_open_circuit_sends_calls_to_the_next_target(gateway: Gateway) -> None:
    gateway.upstream.rule = lambda request: json_answer(
        BROKEN if "east" in request.url else CHAT_ANSWER, 500 if "east" in request.url else 200
    )
    for _ in range(4):
        assert (await gateway.chat("both")).status == 200

    assert hosts(gateway) == ["east", "west"] * 3 + ["west"]


async def test_the_same_prompt_goes_to_the_same_target(tmp_path: object) -> None:
    from pathlib import Path

    from tests.shared.gateway.harness import CONFIG

    config = CONFIG.replace(
        "{deployment: east}, {deployment: west, priority: 2}", "{deployment: east}, {deployment: west}"
    )
    gateway = Gateway(Path(str(tmp_path)), config)

    for _ in range(5):
        await gateway.chat("both", prompt_cache_key="session-1")
    assert len(set(hosts(gateway))) == 1

    for number in range(40):
        await gateway.chat("both", prompt_cache_key=f"session-{number}")
    assert set(hosts(gateway)) == {"east", "west"}
