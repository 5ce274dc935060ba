"""No model is used that its caller may not use, whoever names it, and where."""

from pathlib import Path

import orjson
import pytest

from shared.gateway.naming import models_of_tools
from shared.wire.openai.endpoints import Kind
from tests.shared.gateway.batch_files import line, upload_batch
from tests.shared.gateway.harness import CONFIG, Gateway, error_of, json_answer
from tests.shared.gateway.limited import sent_body

DRAW = {"type": "image_generation", "model": "gpt-4o"}
RESPONSE = {"id": "resp_1", "status": "completed", "usage": {"input_tokens": 4, "output_tokens": 1}}


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("responses", {"input": "x", "tools": [DRAW]}),
        ("responses", {"input": "x", "tools": [{"type": "namespace", "tools": [DRAW]}]}),
        ("responses/compact", {"input": "x", "tools": [DRAW]}),
        ("responses/input_tokens", {"input": "x", "tools": [DRAW]}),
        ("chat/completions", {"messages": [], "tools": [DRAW]}),
    ],
)
async def test_a_tool_may_not_use_a_model_that_its_caller_may_not_use(
    gateway: Gateway, path: str, more: dict[str, object]
) -> None:
    answer = await gateway.call("POST", f"/v1/{path}", {"model": "plain-a", **more}, team="narrow")

    assert (answer.status, error_of(answer)["code"]) == (404, "model_not_found")
    assert gateway.upstream.sent == []


async def test_a_line_of_a_batch_may_not_have_a_tool_use_it_either(gateway: Gateway) -> None:
    answer = await upload_batch(gateway, line("plain-a", tools=[DRAW]), team="narrow")

    assert (answer.status, error_of(answer)["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [DRAW]},
        {"tools": [{"type": "image_generation", "model": "gpt-image-of-the-upstream"}]},
        {"moderation": {"model": "omni-moderation-latest"}},
        {"reasoning": {"effort": "low", "model": "whatever"}},
    ],
)
async def test_what_sdks_name_beside_the_model_is_the_upstreams_affair(
    gateway: Gateway, more: dict[str, object]
) -> None:
    gateway.upstream.answers = [json_answer(RESPONSE)]

    answer = await gateway.call("POST", "/v1/responses", {"model": "gpt-4o", "input": "x", **more})

    assert answer.status == 200
    assert sent_body(gateway) == {"model": "gpt-4o", "input": "x", **more}


def test_what_callers_describe_or_write_themselves_names_no_model() -> None:
    schema = {"type": "object", "properties": {"model": {"type": "string"}}, "default": {"model": "a"}}
    body = {
        "metadata": {"model": "b"},
        "input": [{"role": "user", "content": [{"model": "c"}]}],
        "tools": [{"type": "function", "name": "f", "parameters": schema}, "odd", {"model": 7}],
        "text": {"format": {"schema": schema}},
    }

    assert models_of_tools(body) == set()


async def own_response(gateway: Gateway, team: str, model: str | None) -> None:
    owned = gateway.runtime.ownership.new("resp_9", Kind.RESPONSE, team, "east", model)
    await gateway.runtime.ownership.register(owned, is_minted=True)


CONTINUE = {"input": "x", "previous_response_id": "resp_9"}


@pytest.mark.parametrize(
    ("model", "refusal"), [("gpt-4o", (404, "model_not_found")), (None, (400, "missing_required_parameter"))]
)
async def test_who_continues_a_response_without_a_model_keeps_to_what_he_may_use(
    gateway: Gateway, model: str | None, refusal: tuple[int, str]
) -> None:
    await own_response(gateway, "narrow", model)

    answer = await gateway.call("POST", "/v1/responses", CONTINUE, team="narrow")

    assert (answer.status, error_of(answer)["code"]) == refusal
    assert gateway.upstream.sent == []


async def test_a_response_from_before_models_were_noted_is_continued_where_it_lives(gateway: Gateway) -> None:
    gateway.upstream.answers = [json_answer(RESPONSE)]
    owned = gateway.runtime.ownership.new("resp_9", Kind.RESPONSE, "research", "west", None)
    await gateway.runtime.ownership.register(owned, is_minted=True)

    answer = await gateway.call("POST", "/v1/responses", CONTINUE)

    assert answer.status == 200
    assert gateway.upstream.sent[0].url.startswith("https://west.example")


async def test_who_continues_a_response_continues_with_its_model(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, CONFIG.replace("default_response_model: gpt-4o", "default_response_model: west-only"))
    gateway.upstream.answers = [json_answer({**RESPONSE, "id": "resp_9"}), json_answer(RESPONSE)]
    await gateway.call("POST", "/v1/responses", {"model": "gpt-4o", "input": "x"})
    await gateway.settled()

    answer = await gateway.call("POST", "/v1/responses", CONTINUE)

    assert (answer.status, sent_body(gateway)["model"]) == (200, "gpt-4o")
    assert [event["requested_model"] for event in await gateway.settled()] == ["gpt-4o", "gpt-4o"]


async def test_without_any_model_only_those_go_on_whose_models_nothing_limits(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, CONFIG.replace("default_response_model: gpt-4o\n", ""))
    gateway.upstream.answers = [json_answer(RESPONSE)]
    await own_response(gateway, "narrow", None)

    refused = await gateway.call("POST", "/v1/responses", CONTINUE, team="narrow")
    plain = await gateway.call("POST", "/v1/responses", {"input": "x"})

    assert (refused.status, error_of(refused)["code"]) == (400, "missing_required_parameter")
    assert (plain.status, orjson.loads(gateway.upstream.sent[0].body or b"")) == (200, {"input": "x"})
