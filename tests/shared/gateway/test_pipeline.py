import orjson
import pytest

from tests.shared.gateway.harness import CHAT_ANSWER, Answer, Gateway, error_of, header_of, json_answer


async def test_a_call_is_answered_with_the_upstreams_bytes_and_counted_once(gateway: Gateway) -> None:
    answer = await gateway.chat()

    assert (answer.status, answer.body) == (200, orjson.dumps(CHAT_ANSWER))
    (event,) = await gateway.settled()
    assert event["tokens"]["input_fresh"] == 9
    assert event["tokens"]["output_text"] == 2
    assert (event["usage_source"], event["outcome"], event["status"]) == ("provider", "completed", 200)
    assert (event["team"], event["key"], event["cost_center"]) == ("research", "vk_research", "4711")
    assert (event["requested_model"], event["served_model"]) == ("gpt-4o", "gpt-4o-2024-11-20")
    assert (event["deployment"], event["provider"], event["region"]) == ("east", "azure_openai", "eastus")


async def test_the_answer_says_what_happened(gateway: Gateway) -> None:
    answer = await gateway.chat()
    (event,) = await gateway.settled()

    assert header_of(answer, "x-request-id") == event["id"]
    assert header_of(answer, "x-gateway-deployment") == "east"
    assert header_of(answer, "x-gateway-attempts") == "1"


async def test_the_callers_credentials_never_leave(gateway: Gateway) -> None:
    await gateway.call(
        "POST",
        "/v1/chat/completions",
        {"model": "gpt-4o", "messages": []},
        api_key="sk-research-key",
        x_api_key="sk-research-key",
        cookie="session=1",
        x_gateway_key="sk-research-key",
        x_gateway_anything="1",
        x_ms_spillover_deployment="gpt-9",
        openai_organization="org",
    )

    (sent,) = gateway.upstream.sent
    names = {name for name, _ in sent.headers}
    assert dict(sent.headers)["authorization"] == "Bearer token-1"
    assert names == {"authorization", "content-type", "accept-encoding", "openai-organization"}
    assert not any("sk-" in value for _, value in sent.headers)


async def test_the_upstreams_name_is_not_in_a_location(gateway: Gateway) -> None:
    gateway.upstream.answers = [
        json_answer({"id": "x"}, 201, location="https://east.example/openai/v1/realtime/calls/rtc_1?a=1")
    ]

    answer = await gateway.chat()

    assert header_of(answer, "location") == "/openai/v1/realtime/calls/rtc_1?a=1"


async def test_the_upstreams_cookies_stay_behind(gateway: Gateway) -> None:
    gateway.upstream.answers = [
        json_answer(CHAT_ANSWER, set_cookie="a=1", x_request_id="theirs", x_ms_region="East US")
    ]

    answer = await gateway.chat()

    names = [name for name, _ in answer.headers]
    assert "set-cookie" not in names
    assert header_of(answer, "x-upstream-request-id") == "theirs"
    assert header_of(answer, "x-ms-region") == "East US"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/chat/completions", ""),
        ("/openai/v1/chat/completions", "api-version=preview"),
        ("/openai/deployments/gpt-4o/chat/completions", "api-version=2024-10-21"),
        ("/v1/deployments/gpt-4o/chat/completions", "api-version=2024-10-21"),
    ],
)
async def test_every_address_shape_reaches_the_same_upstream(gateway: Gateway, path: str, query: str) -> None:
    answer = await gateway.call("POST", path, {"model": "gpt-4o", "messages": []}, query=query)

    assert answer.status == 200
    assert gateway.upstream.sent[0].url == "https://east.example/openai/v1/chat/completions"


async def test_a_null_model_on_an_azure_path_is_filled_in(gateway: Gateway) -> None:
    body = b'{"messages":[],"model":null,"seed":9007199254740993}'

    await gateway.call("POST", "/openai/deployments/gpt-4o/chat/completions", body)

    assert gateway.upstream.sent[0].body == b'{"messages":[],"model":"gpt-4o","seed":9007199254740993}'


async def test_the_dated_form_needs_no_change_of_the_body(gateway: Gateway) -> None:
    body = b'{ "messages" : [], "model":"west-only" }'

    await gateway.call("POST", "/v1/chat/completions", body, query="api-version=1&x=2")

    (sent,) = gateway.upstream.sent
    assert sent.body == body
    assert sent.url == (
        "https://west.example/openai/deployments/gpt-4o-west/chat/completions?x=2&api-version=2025-04-01-preview"
    )


async def test_another_provider_is_called_with_its_secret(gateway: Gateway) -> None:
    await gateway.chat("plain-llama")

    (sent,) = gateway.upstream.sent
    assert sent.url == "https://plain.example/v1/chat/completions"
    assert dict(sent.headers)["authorization"] == "Bearer plain-secret"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"{", "invalid_json", None),
        (b"[]", "invalid_json", None),
        (b'"text"', "invalid_json", None),
        (b"\xff\xfe{}", "invalid_json", None),
        (b'{"model":"gpt-4o","n":NaN}', "invalid_json", None),
        (b"[" * 5000 + b"]" * 5000, "invalid_json", None),
        (b"", "missing_required_parameter", "model"),
        (b'{"messages":[]}', "missing_required_parameter", "model"),
        (b'{"model":7,"messages":[]}', "invalid_type", "model"),
        (b'{"model":"gpt-4o","messages":[],"stream":true,"stream_options":7}', "invalid_type", "stream_options"),
        (b'{"model":"gpt-4o","messages":[],"stream":1}', "invalid_type", "stream"),
        (b'{"model":"gpt-4o","messages":[],"stream":"true"}', "invalid_type", "stream"),
        (b'{"model":"gpt-4o","messages":[],"stream":{}}', "invalid_type", "stream"),
    ],
)
async def test_a_bad_body_is_a_400_that_names_the_field(
    gateway: Gateway, body: bytes, code: str, param: str | None
) -> None:
    answer = await gateway.call("POST", "/v1/chat/completions", body)

    assert answer.status == 400
    error = error_of(answer)
    assert (error["code"], error["param"], error["type"]) == (code, param, "invalid_request_error")
    (event,) = await gateway.settled()
    assert (event["outcome"], event["error_code"], event["usage_source"]) == ("refused", code, "none")
    assert gateway.upstream.sent == []


async def test_a_body_beyond_the_cap_is_413(gateway: Gateway) -> None:
    answer = await gateway.call("POST", "/v1/chat/completions", b'{"a":"' + b"x" * 1024 * 1024 + b'"}')

    assert (answer.status, error_of(answer)["code"]) == (413, "request_too_large")


async def test_large_bodies_give_their_memory_back(gateway: Gateway) -> None:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x" * 900_000}]}

    answers = [await gateway.call("POST", "/v1/chat/completions", body) for _ in range(5)]

    assert [answer.status for answer in answers] == [200] * 5


@pytest.mark.parametrize("team", ["research", "narrow"])
async def test_unknown_and_forbidden_models_look_the_same(gateway: Gateway, team: str) -> None:
    missing = await gateway.chat("no-such-model", team=team)
    forbidden = await gateway.chat("gpt-4o", team="narrow")

    assert (missing.status, forbidden.status) == (404, 404)
    assert error_of(missing)["code"] == error_of(forbidden)["code"] == "model_not_found"
    assert gateway.upstream.sent == []


async def test_a_forbidden_picture_deployment_cannot_be_named_in_a_header(gateway: Gateway) -> None:
    answer = await gateway.call(
        "POST",
        "/v1/responses",
        {"model": "plain-llama", "input": "draw"},
        team="narrow",
        x_ms_oai_image_generation_deployment="gpt-4o",
    )

    assert (answer.status, error_of(answer)["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/v1/nothing", 404, "unknown_url"),
        ("GET", "/v1/chat/completions/../files", 404, "unknown_url"),
        ("GET", "/v1/files/..", 404, "unknown_url"),
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("DELETE", "/v1/embeddings", 405, "method_not_allowed"),
        ("POST", "/v1/moderations", 404, "unsupported_endpoint"),
        ("POST", "/v1/uploads", 404, "unsupported_endpoint"),
    ],
)
async def test_addresses_that_do_not_exist_say_so(
    gateway: Gateway, method: str, path: str, status: int, code: str
) -> None:
    answer = await gateway.call(method, path, {} if method == "POST" else None)

    assert (answer.status, error_of(answer)["code"]) == (status, code)
    assert len(await gateway.settled()) == 1


async def test_without_a_key_there_is_a_401_that_is_not_retried_and_no_event(gateway: Gateway) -> None:
    missing = await gateway.chat(team=None)
    unknown = await gateway.call("POST", "/v1/chat/completions", {}, authorization="Bearer sk-nobody")

    assert (missing.status, error_of(missing)["code"]) == (401, "missing_api_key")
    assert (unknown.status, error_of(unknown)["code"]) == (401, "invalid_api_key")
    assert header_of(unknown, "x-should-retry") == "false"
    assert "sk-nobody" not in error_of(unknown)["message"]
    assert await gateway.settled() == []


async def test_a_websocket_upgrade_gets_426_and_a_base_url_200(gateway: Gateway) -> None:
    upgrade = await gateway.call("GET", "/v1/responses", team=None, upgrade="websocket", connection="Upgrade")
    heads = [await gateway.call("HEAD", path, team=None) for path in ("/", "/v1", "/v1/", "/openai", "/openai/v1")]

    assert upgrade.status == 426
    assert [head.status for head in heads] == [200] * 5


async def test_models_are_the_callers_own(gateway: Gateway) -> None:
    listed = await gateway.call("GET", "/v1/models")
    nothing = await gateway.call("GET", "/openai/models", team="narrow")
    one = await gateway.call("GET", "/v1/models/gpt-4o")
    hidden = await gateway.call("GET", "/v1/models/gpt-4o", team="narrow")

    assert [model["id"] for model in orjson.loads(bytes(listed.body))["data"]] == ["gpt-4o", "both", "west-only"]  # type: ignore[arg-type]
    assert orjson.loads(bytes(nothing.body))["data"] == []  # type: ignore[arg-type]
    assert (one.status, hidden.status) == (200, 404)
    assert len(await gateway.settled()) == 4


async def test_responses_without_a_model_get_the_configured_one(gateway: Gateway) -> None:
    gateway.upstream.answers = [
        json_answer({"id": "resp_1", "status": "completed", "usage": {"input_tokens": 4, "output_tokens": 1}})
    ]

    await gateway.call("POST", "/v1/responses", b'{"input":"hi"}')

    assert gateway.upstream.sent[0].body == b'{"model":"gpt-4o","input":"hi"}'
    (event,) = await gateway.settled()
    assert event["tokens"]["input_fresh"] == 4


async def test_a_response_in_the_background_is_pending_and_reading_it_again_charges_nothing(gateway: Gateway) -> None:
    finished = {"id": "resp_1", "status": "completed", "usage": {"input_tokens": 4, "output_tokens": 1}}
    gateway.upstream.answers = [json_answer({"id": "resp_1", "status": "queued", "usage": None}), json_answer(finished)]

    await gateway.call("POST", "/v1/responses", {"model": "gpt-4o", "input": "hi", "background": True})
    await gateway.settled()
    read = await gateway.call("GET", "/v1/responses/resp_1")

    assert read.status == 200
    first, second, late = await gateway.settled()
    assert (first["usage_source"], second["usage_source"]) == ("pending", "none")
    assert sum(second["tokens"].values()) == 0
    assert (late["id"], sum(late["tokens"].values())) == ("late_resp_1", 5)


async def test_a_content_filter_refusal_passes_verbatim_and_its_prompt_is_charged_as_an_estimate(
    gateway: Gateway,
) -> None:
    refusal = {
        "error": {
            "code": "content_filter",
            "message": "filtered",
            "innererror": {"code": "ResponsibleAIPolicyViolation"},
        }
    }
    gateway.upstream.answers = [json_answer(refusal, status=400)]

    answer = await gateway.chat()

    assert (answer.status, answer.body) == (400, orjson.dumps(refusal))
    (event,) = await gateway.settled()
    assert (event["estimated"], event["error_code"], event["outcome"]) == (True, "content_filter", "upstream_error")
    assert 5 < event["tokens"]["input_fresh"] < 15
    assert event["tokens"]["output_text"] == 0


async def test_an_answer_that_is_not_json_after_all_passes_and_is_estimated(gateway: Gateway) -> None:
    gateway.upstream.answers = [Answer(200, {"content-type": "application/json"}, [b'{"id": "chatcmpl-'])]

    answer = await gateway.chat()

    assert answer.body == b'{"id": "chatcmpl-'
    (event,) = await gateway.settled()
    assert event["estimated"] is True


async def test_a_stream_that_is_null_is_none(gateway: Gateway) -> None:
    assert (await gateway.chat(stream=None)).status == 200
