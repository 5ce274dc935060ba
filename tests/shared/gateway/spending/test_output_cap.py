"""However the length of an output is written, it keeps to the cap; and what can be read in two ways is refused."""

from pathlib import Path
from typing import Any

import pytest

from tests.shared.gateway.batch_files import form
from tests.shared.gateway.harness import error_of
from tests.shared.gateway.limited import gateway_with, sent_body

CAP = "id: pol_a, scope: teams/research, max_output_tokens: 100"
CHAT, COMPLETIONS, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/responses"


@pytest.mark.parametrize(
    ("path", "asked", "sent"),
    [
        (CHAT, {"max_tokens": 10, "max_completion_tokens": 10**6}, {"max_tokens": 10, "max_completion_tokens": 100}),
        (CHAT, {"max_output_tokens": 1}, {"max_output_tokens": 1, "max_tokens": 1}),
        (CHAT, {"max_completion_tokens": 500}, {"max_completion_tokens": 100, "max_tokens": 100}),
        (RESPONSES, {"max_tokens": 500}, {"max_tokens": 100, "max_output_tokens": 100}),
        (COMPLETIONS, {"max_completion_tokens": 7}, {"max_completion_tokens": 7, "max_tokens": 7}),
        (CHAT, {"max_tokens": None}, {"max_tokens": 100}),
    ],
)
async def test_the_member_that_the_endpoint_goes_by_holds_the_cap(
    tmp_path: Path, path: str, asked: dict[str, Any], sent: dict[str, Any]
) -> None:
    gateway = gateway_with(tmp_path, CAP)

    answer = await gateway.call("POST", path, {"model": "plain-cheap", **asked})

    assert answer.status == 200
    assert sent_body(gateway) == {"model": "plain-cheap", **sent}


async def test_openais_models_are_not_given_both_members(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, CAP)

    await gateway.chat(max_completion_tokens=500)

    body = sent_body(gateway)
    assert (body["max_completion_tokens"], "max_tokens" in body) == (100, False)


@pytest.mark.parametrize("value", [0, -1, 1.5, 100.0, True, "100", [], 1e30])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "n", "best_of"])
@pytest.mark.parametrize("rule", [CAP, "id: pol_a, scope: teams/research, rate_limits: [{unit: tokens, limit: 9000}]"])
async def test_what_is_no_positive_integer_is_refused(tmp_path: Path, name: str, value: object, rule: str) -> None:
    gateway = gateway_with(tmp_path, rule)

    refused = await gateway.chat(**{name: value})

    error = error_of(refused)
    assert (refused.status, error["param"], error["code"]) == (400, name, "invalid_value")
    assert gateway.upstream.sent == []


async def test_without_rules_nothing_is_refused(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path)
    body = b'{"model":"gpt-4o","messages":[],"n":1.0,"max_tokens":-1,"max_tokens":"x"}'

    assert (await gateway.call("POST", CHAT, body)).status == 200


@pytest.mark.parametrize(
    "members",
    [b'"max_tokens":100000,"max_tokens":10', b'"n":100,"n":1', b'"max_tokens":9999,"max_\\u0074okens":10'],
)
async def test_a_number_that_is_written_twice_is_refused(tmp_path: Path, members: bytes) -> None:
    gateway = gateway_with(tmp_path, CAP)

    refused = await gateway.call("POST", CHAT, b'{"model":"plain-cheap","messages":[],' + members + b"}")

    assert (refused.status, error_of(refused)["code"]) == (400, "duplicate_key")


async def test_a_member_of_the_same_name_deeper_down_is_no_duplicate(tmp_path: Path) -> None:
    gateway = gateway_with(tmp_path, CAP)
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"n": 1, "max_tokens": 7}}}]

    assert (await gateway.chat(n=2, max_tokens=3, tools=tools)).status == 200


@pytest.mark.parametrize(("written", "status"), [(b"0000000010", 200), (b"0", 400), (b"-1", 400), (b"1e3", 400)])
async def test_the_number_of_pictures_in_a_form_is_read_properly(tmp_path: Path, written: bytes, status: int) -> None:
    gateway = gateway_with(
        tmp_path,
        budgets="id: bud_a, scope: teams/research, amount: 10",
        prices='prices: [{model: "gpt-4o", input: "1", output: "1", image_output: "40"}]\n',
    )
    reserved: list[int] = []
    rule = gateway.upstream.rule

    def answer(request: Any) -> Any:
        reserved.extend(lease.reserved for name, lease in gateway.leases._current.items() if "bud_a" in name)
        return rule(request)

    gateway.upstream.rule = answer
    body = form(("model", b"gpt-4o"), ("n", written), ("prompt", b"x"), file=b"x")

    edited = await gateway.call("POST", "/v1/images/edits", body, content_type="multipart/form-data; boundary=B")

    assert edited.status == status
    assert all(amount >= 10 * 6_240 * 40_000 for amount in reserved)
    assert len(reserved) == (status == 200)
