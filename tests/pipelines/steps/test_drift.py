import pytest

from pipelines.steps.drift import Upstream, compare, events_shape, shape_of

ANSWER = {
    "id": "1",
    "choices": [{"message": {"content": "hello"}, "index": 0}, {"logprobs": None}],
    "usage": {"total": 2},
}


def test_the_same_shape_with_other_words_is_no_difference() -> None:
    other = {"id": "2", "choices": [{"message": {"content": "hi"}, "index": 5}], "usage": {"total": 0.5}}

    assert compare(shape_of(ANSWER), shape_of(other)) == ([], [])


def test_what_is_gone_or_of_another_type_breaks_and_what_is_new_is_told() -> None:
    newer = {"id": 1, "choices": [{"message": {"content": "hello", "refusal": "no"}, "index": 0}]}

    assert compare(shape_of(ANSWER), shape_of(newer)) == (
        ["`$.usage` is gone", "`$.usage.total` is gone", "`$.id` was string and is number"],
        ["`$.choices[].message.refusal` is new"],
    )


def test_a_truth_is_not_a_number() -> None:
    assert compare(shape_of({"a": True}), shape_of({"a": 1}))[0] == ["`$.a` was boolean and is number"]


def test_the_shape_of_a_stream_is_that_of_all_its_events() -> None:
    text = 'data: {"a": "x"}\n\nevent: more\ndata: {"b": [1]}\n\ndata: [DONE]\n\n'

    assert events_shape(text) == {"$": {"object"}, "$.a": {"string"}, "$.b": {"array"}, "$.b[]": {"number"}}


@pytest.mark.parametrize(
    ("version", "path", "address"),
    [
        ("v1", "chat/completions", "https://x/openai/v1/chat/completions"),
        ("preview", "responses", "https://x/openai/v1/responses?api-version=preview"),
        ("2025-04-01", "embeddings", "https://x/openai/deployments/d/embeddings?api-version=2025-04-01"),
        ("2025-04-01", "responses", "https://x/openai/responses?api-version=2025-04-01"),
    ],
)
def test_each_kind_of_version_has_its_own_addresses(version: str, path: str, address: str) -> None:
    assert Upstream("https://x/", "token", version).address(path, "d") == address
