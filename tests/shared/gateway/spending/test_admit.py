"""A call keeps to the sizes, endpoints and models that its policies allow."""

from pathlib import Path

import pytest

from tests.shared.gateway.harness import error_of, json_answer
from tests.shared.gateway.limited import chat_answer, gateway_with, sent_body


async def test_an_output_that_is_asked_for_is_brought_down_to_the_cap(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, "id: pol_a, scope: teams/research, max_output_tokens: 100")

    await gateway.chat(max_tokens=5000)

    assert sent_body(gateway)["max_tokens"] == 100


async def test_a_smaller_output_stays_as_it_was_written(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, "id: pol_a, scope: teams/research, max_output_tokens: 100")
    body = b'{"model": "gpt-4o",  "messages": [], "max_tokens":  99 }'

    await gateway.call("POST", "/v1/chat/completions", body)

    assert gateway.upstream.sent[-1].body == body


@pytest.mark.parametrize(
    ("path", "body", "member"),
    [
        ("/v1/chat/completions", {"model": "gpt-4o", "messages": []}, "max_tokens"),
        ("/v1/chat/completions", {"model": "plain-gpt-5", "messages": []}, "max_tokens"),
        ("/v1/responses", {"model": "gpt-4o", "input": "x"}, "max_output_tokens"),
    ],
)
async def test_where_no_output_is_asked_for_the_cap_is_written_in(
    tmp_path: Path, path: str, body: object, member: str
) -> None:
    gateway = gateway_with(tmp_path, "id: pol_a, scope: teams/research, max_output_tokens: 100")

    await gateway.call("POST", path, body)

    assert sent_body(gateway)[member] == 100


async def test_a_policy_can_refuse_instead_of_bringing_down(tmp_path: Path) -> None:
    gateway = gateway_with(
        tmp_path, "id: pol_a, scope: teams/research, max_output_tokens: 100, on_excess_output: refuse"
    )

    refused = await gateway.chat(max_completion_tokens=101)

    error = error_of(refused)
    assert (refused.status, error["param"], error["code"]) == (400, "max_completion_tokens", "max_tokens_exceeded")
    assert "teams/research allows 100" in error["message"]
    assert (await gateway.chat(max_completion_tokens=100)).status == 200


async def test_a_prompt_is_counted_exactly_before_it_is_called_too_long(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, "id: pol_a, scope: organization, max_prompt_tokens: 40")
    words = [{"role": "user", "content": "hello " * 20}]

    fits = await gateway.call("POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": words})
    long = await gateway.call("POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": words * 2})

    assert (fits.status, long.status) == (200, 400)
    assert error_of(long)["code"] == "context_length_exceeded"
    assert error_of(long)["param"] == "messages"


async def test_a_request_has_at_most_so_many_bytes(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, "id: pol_a, scope: organization, max_prompt_bytes: 200")

    long = await gateway.chat(user="x" * 200)

    assert long.status == 400
    assert "allows 200 bytes" in error_of(long)["message"]
    assert (await gateway.chat()).status == 200


async def test_only_the_endpoints_that_every_policy_allows_can_be_called(tmp_path: Path) -> None:
    gateway = gateway_with(
        tmp_path,
        """
        id: pol_a, scope: organization, endpoints: ["chat.*", embeddings]
        id: pol_b, scope: teams/research, endpoints: ["chat.completions", "responses.*"]
        """,
    )

    refused = await gateway.call("POST", "/v1/embeddings", {"model": "gpt-4o", "input": "x"})

    assert (refused.status, error_of(refused)["code"]) == (403, "endpoint_not_allowed")
    assert "embeddings is not allowed by teams/research" in error_of(refused)["message"]
    assert (await gateway.call("POST", "/v1/embeddings", {"model": "gpt-4o", "input": "x"}, team="other")).status == 200
    assert (await gateway.chat()).status == 200


async def test_only_the_models_that_every_policy_allows_are_there(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, 'id: pol_a, scope: teams/research, models: ["gpt-*", "plain-*"]')

    assert (await gateway.chat("both")).status == 404
    assert (await gateway.chat("gpt-4o")).status == 200
    assert (await gateway.chat("both", team="other")).status == 200


async def test_shadow_rules_refuse_nothing_and_report(tmp_path: Path) -> None:
    gateway = gateway_with(
        tmp_path,
        "id: pol_a, mode: shadow, scope: organization, endpoints: [embeddings], models: [both], max_output_tokens: 5,"
        " max_prompt_bytes: 10, max_prompt_tokens: 1",
    )
    gateway.upstream.rule = lambda _: json_answer(chat_answer(9, 2))

    answer = await gateway.chat(max_tokens=10)

    assert answer.status == 200
    assert sent_body(gateway)["max_tokens"] == 10
    (event,) = await gateway.settled()
    assert event["shadow"] == [
        "pol_a: endpoint chat.completions",
        "pol_a: model gpt-4o",
        "pol_a: output_tokens",
        "pol_a: prompt_bytes",
        "pol_a: prompt_tokens",
    ]


async def test_a_rule_that_brings_down_does_not_soften_one_that_refuses(tmp_path: Path) -> None:
    gateway = gateway_with(
        tmp_path,
        """
        id: pol_a, scope: organization, max_output_tokens: 1000, on_excess_output: refuse
        id: pol_b, scope: teams/research, max_output_tokens: 100
        """,
    )

    refused, clamped = await gateway.chat(max_tokens=1001), await gateway.chat(max_tokens=1000)

    assert (refused.status, clamped.status) == (400, 200)
    assert "organization allows 1000" in error_of(refused)["message"]
    assert sent_body(gateway)["max_tokens"] == 100
