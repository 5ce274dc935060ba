"""Tags for cost allocation: what is taken, and what is refused rather than lost."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.gateway.tags import TagsInvalid, work_tag
from tests.shared.gateway.harness import Gateway, error_of


async def _tags(gateway: Gateway, body: dict[str, object] | None = None, **headers: str) -> dict[str, str]:
    prompt = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}], **(body or {})}
    answer = await gateway.call("POST", "/v1/chat/completions", prompt, **headers)
    assert answer.status == 200
    tags: dict[str, str] = (await gateway.settled())[-1]["tags"]
    return tags


async def test_tags_of_the_header_are_in_the_event(gateway: Gateway) -> None:
    assert await _tags(gateway, x_gateway_tags="step=review, run=2026/11 nightly ,") == {
        "step": "review",
        "run": "2026/11 nightly",
    }


async def test_without_tags_there_are_none(gateway: Gateway) -> None:
    assert await _tags(gateway, {"metadata": {"topic": "demo"}}) == {}


async def test_who_can_set_no_header_uses_metadata(gateway: Gateway) -> None:
    assert await _tags(gateway, {"metadata": {"gateway_step": "review", "topic": "demo"}}) == {"step": "review"}


async def test_the_header_wins_over_metadata(gateway: Gateway) -> None:
    assert await _tags(gateway, {"metadata": {"gateway_step": "a"}}, x_gateway_tags="step=b") == {"step": "b"}


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        ("Acme/API#12", ("pr", "acme/api#12")),
        ("https://github.com/Acme/API/pull/12", ("pr", "acme/api#12")),
        ("acme/api@feat/Faster=1", ("branch", "acme/api@feat/Faster=1")),
    ],
)
async def test_a_pull_request_is_a_tag_of_its_own(gateway: Gateway, value: str, tag: tuple[str, str]) -> None:
    assert await _tags(gateway, x_gateway_pr=value) == dict([tag])


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({"x_gateway_tags": "review"}, "review"),
        ({"x_gateway_tags": "Step=review"}, "Step"),
        ({"x_gateway_tags": "step="}, "step"),
        ({"x_gateway_tags": f"step={'x' * 65}"}, "step"),
        ({"x_gateway_tags": "step=\u00e4"}, "step"),
        ({"x_gateway_tags": f"{'k' * 33}=x"}, "k" * 33),
        ({"x_gateway_tags": "step=a,step=b"}, "step"),
        ({"x_gateway_tags": ",".join(f"k{number}=v" for number in range(11))}, "10"),
        ({"x_gateway_tags": "pr=12"}, "12"),
        ({"x_gateway_pr": "acme/api"}, "acme/api"),
        ({"x_gateway_pr": "acme/api#0"}, "acme/api#0"),
    ],
)
async def test_a_tag_that_would_be_lost_is_refused_by_name(
    gateway: Gateway, headers: dict[str, str], named: str
) -> None:
    answer = await gateway.call("POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": []}, **headers)
    assert answer.status == 400
    error = error_of(answer)
    assert error["code"] == "invalid_tags"
    assert named in error["message"]
    assert gateway.upstream.sent == []


async def test_metadata_that_is_no_tag_is_named(gateway: Gateway) -> None:
    answer = await gateway.call(
        "POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": [], "metadata": {"gateway_x": 5}}
    )
    assert (answer.status, error_of(answer)["param"]) == (400, "metadata")


async def test_a_refused_tag_says_where_it_stood(gateway: Gateway) -> None:
    answer = await gateway.call(
        "POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": []}, x_gateway_pr="nonsense"
    )
    assert error_of(answer)["param"] == "x-gateway-pr"


@given(st.text(max_size=300))
def test_whatever_is_written_is_a_tag_or_a_refusal(value: str) -> None:
    with suppress(TagsInvalid):
        key, tag = work_tag(value)
        assert key in ("pr", "branch")
        assert tag.isprintable()
        assert len(tag) <= 350
