"""A model that is named where nobody expects one is checked like any other."""

import pytest

from tests.shared.gateway.batch_files import form
from tests.shared.gateway.harness import (
    Gateway,
    error_of,
)

SDP = b"v=0"
TRANSCRIBED = b'{"model":"plain-a","audio":{"input":{"transcription":{"model":"gpt-4o"}}}}'


@pytest.mark.parametrize(
    ("query", "body", "content_type"),
    [
        ("model=plain-a&%6dodel=gpt-4o", SDP, "application/sdp"),
        ("model=plain-a&model=gpt-4o", SDP, "application/sdp"),
        ("model=plain-a", form(("sdp", SDP), ("session", b'{"model":"gpt-4o"}')), "multipart/form-data; boundary=B"),
        ("", form(("session", TRANSCRIBED)), "multipart/form-data; boundary=B"),
        ("", form(("model", b"plain-a"), ("session", b'{"model":"gpt-4o"}')), "multipart/form-data; boundary=B"),
    ],
)  # fmt: skip
async def test_a_realtime_call_cannot_smuggle_a_model(
    gateway: Gateway, query: str, body: bytes, content_type: str
) -> None:
    answer = await gateway.call(
        "POST", "/v1/realtime/calls", body, team="narrow", query=query, content_type=content_type
    )

    assert answer.status in (400, 404)
    assert gateway.upstream.sent == []


async def test_a_realtime_call_names_its_model_once(gateway: Gateway) -> None:
    await gateway.call("POST", "/v1/realtime/calls", SDP, query="model=gpt-4o&x=%20", content_type="application/sdp")

    (sent,) = gateway.upstream.sent
    assert (sent.url, sent.body) == ("https://east.example/openai/v1/realtime/calls?x=+&model=gpt-4o", SDP)


@pytest.mark.parametrize(
    "body",
    [
        {"data_source_config": {"type": "logs"}},
        {"data_source_config": {"type": "stored_completions"}},
        {"data_source": {"type": "responses", "source": {"type": "responses"}}},
    ],
)
async def test_an_eval_may_not_read_what_all_teams_have_stored(gateway: Gateway, body: dict[str, object]) -> None:
    answer = await gateway.call("POST", "/v1/evals", body)

    assert (answer.status, error_of(answer)["param"]) == (400, "source")


async def test_a_grader_may_not_use_a_model_that_its_team_may_not_use(gateway: Gateway) -> None:
    answer = await gateway.call(
        "POST", "/v1/evals", {"testing_criteria": [{"type": "score_model", "model": "gpt-4o"}]}, team="narrow"
    )

    assert (answer.status, error_of(answer)["code"]) == (404, "model_not_found")
