"""Usage is read into buckets that never overlap and always sum to what the provider reported."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.usage.model import Source, TokenUsage, Units, Usage
from shared.usage.reading import MOST_SECONDS, MOST_TOKENS, usage_from

counts = st.integers(0, MOST_TOKENS)
absurd = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    counts,
)
INPUT_PARTS = ("cached_tokens", "cache_write_tokens", "audio_tokens", "image_tokens", "text_tokens")
OUTPUT_PARTS = ("reasoning_tokens", "audio_tokens", "image_tokens", "text_tokens", "accepted_prediction_tokens")
DIALECTS = [
    ("prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details"),
    ("input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details"),
    ("input_tokens", "output_tokens", "input_token_details", "output_token_details"),
]
dialects = st.sampled_from(DIALECTS)


def details(parts: tuple[str, ...]) -> st.SearchStrategy[Any]:
    return absurd | st.dictionaries(st.sampled_from(parts), absurd, max_size=5)


def buckets(tokens: TokenUsage) -> list[int]:
    return [getattr(tokens, name) for name in TokenUsage.__slots__]


@given(dialects, counts, counts, details(INPUT_PARTS), details(OUTPUT_PARTS))
def test_the_buckets_sum_to_the_providers_totals(
    dialect: tuple[str, str, str, str], total_in: int, total_out: int, in_details: Any, out_details: Any
) -> None:
    usage = usage_from(dict(zip(dialect, (total_in, total_out, in_details, out_details), strict=True)))

    assert usage is not None
    assert usage.source is Source.PROVIDER
    assert (usage.tokens.input, usage.tokens.output) == (total_in, total_out)
    assert min(buckets(usage.tokens)) >= 0
    assert sum(buckets(usage.tokens)) == total_in + total_out


@given(dialects, st.data())
def test_parts_that_fit_their_total_are_kept_as_reported(
    dialect: tuple[str, str, str, str], data: st.DataObject
) -> None:
    small = st.integers(0, 10**6)
    cached, audio, image, reasoning, spoken = (data.draw(small) for _ in range(5))
    fresh, text = data.draw(small), data.draw(small)
    reported = {
        dialect[0]: cached + audio + image + fresh,
        dialect[1]: reasoning + spoken + text,
        dialect[2]: {"cached_tokens": cached, "audio_tokens": audio, "image_tokens": image},
        dialect[3]: {"reasoning_tokens": reasoning, "audio_tokens": spoken},
    }

    usage = usage_from(reported)

    assert usage is not None
    assert usage.tokens == TokenUsage(
        input_fresh=fresh,
        input_cached=cached,
        input_audio=audio,
        input_image=image,
        output_text=text,
        output_reasoning=reasoning,
        output_audio=spoken,
    )


@given(
    st.recursive(absurd, lambda inner: st.dictionaries(st.sampled_from([*sum(DIALECTS, ()), "type", "seconds"]), inner))
)
def test_whatever_is_reported_gives_a_sane_usage_or_none(reported: Any) -> None:
    usage = usage_from(reported)

    if usage is not None:
        assert min(buckets(usage.tokens)) >= 0
        assert all(type(bucket) is int for bucket in buckets(usage.tokens))
        assert usage.units.audio_ms >= 0


@pytest.mark.parametrize("bad", [-1, 3.5, 9.0, "12", True, None, [3], {"n": 3}, float("nan")])
def test_a_total_that_cannot_be_trusted_counts_as_absent(bad: Any) -> None:
    assert usage_from({"prompt_tokens": bad, "completion_tokens": bad}) is None

    half = usage_from({"prompt_tokens": bad, "completion_tokens": 5})
    assert half is not None
    assert (half.tokens.input, half.tokens.output) == (0, 5)


@pytest.mark.parametrize("bad", [-1, 3.5, "12", True, None])
def test_a_part_that_cannot_be_trusted_counts_as_none(bad: Any) -> None:
    usage = usage_from({"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": bad}})

    assert usage == Usage(TokenUsage(input_fresh=9, output_text=1), source=Source.PROVIDER)


def test_parts_larger_than_their_total_are_cut_to_it() -> None:
    usage = usage_from(
        {
            "prompt_tokens": 10,
            "completion_tokens": 4,
            "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 8},
            "completion_tokens_details": {"reasoning_tokens": 999},
        }
    )

    assert usage is not None
    assert usage.tokens == TokenUsage(input_cached=8, input_audio=2, output_reasoning=4)


@pytest.mark.parametrize("reported", [None, "usage", 3, [], {}, {"total_tokens": 9}, {"type": "tokens"}])
def test_an_object_without_counts_holds_no_usage(reported: Any) -> None:
    assert usage_from(reported) is None


def test_an_answer_of_nothing_is_a_usage_of_nothing() -> None:
    assert usage_from({"prompt_tokens": 0, "total_tokens": 0}) == Usage(source=Source.PROVIDER)


@pytest.mark.parametrize(
    ("reported", "tokens"),
    [
        (
            {
                "prompt_tokens": 2006,
                "completion_tokens": 300,
                "total_tokens": 2306,
                "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
                "completion_tokens_details": {
                    "reasoning_tokens": 192,
                    "audio_tokens": 0,
                    "accepted_prediction_tokens": 0,
                    "rejected_prediction_tokens": 0,
                },
            },
            TokenUsage(input_fresh=86, input_cached=1920, output_text=108, output_reasoning=192),
        ),
        (
            {
                "input_tokens": 75,
                "input_tokens_details": {"cached_tokens": 50},
                "output_tokens": 1186,
                "output_tokens_details": {"reasoning_tokens": 1024},
                "total_tokens": 1261,
            },
            TokenUsage(input_fresh=25, input_cached=50, output_text=162, output_reasoning=1024),
        ),
        (
            {
                "input_tokens": 50,
                "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
                "output_tokens": 4160,
                "output_tokens_details": {"image_tokens": 4160, "text_tokens": 0},
            },
            TokenUsage(input_fresh=10, input_image=40, output_image=4160),
        ),
        (
            {
                "type": "tokens",
                "input_tokens": 14,
                "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
                "output_tokens": 45,
                "total_tokens": 59,
            },
            TokenUsage(input_fresh=4, input_audio=10, output_text=45),
        ),
        ({"prompt_tokens": 8, "total_tokens": 8}, TokenUsage(input_fresh=8)),
    ],
    ids=["chat", "responses", "images", "transcription", "embeddings"],
)
def test_each_dialect_is_read(reported: dict[str, Any], tokens: TokenUsage) -> None:
    assert usage_from(reported) == Usage(tokens, source=Source.PROVIDER)


@pytest.mark.parametrize(
    ("seconds", "audio_ms"), [(3, 3000), (1.2345, 1234), (0, 0), (MOST_SECONDS, MOST_SECONDS * 1000)]
)
def test_a_transcription_can_be_billed_by_its_length(seconds: Any, audio_ms: int) -> None:
    usage = usage_from({"type": "duration", "seconds": seconds})

    assert usage == Usage(units=Units(audio_ms=audio_ms), source=Source.PROVIDER)


@pytest.mark.parametrize("seconds", [-1, "9", True, None, MOST_SECONDS + 1, 1e300, float("nan")])
def test_a_length_that_cannot_be_trusted_is_no_usage(seconds: Any) -> None:
    assert usage_from({"type": "duration", "seconds": seconds}) is None


@pytest.mark.parametrize(("total_in", "total_out"), [(MOST_TOKENS + 1, 0), (0, MOST_TOKENS + 1), (10**30, 10**30)])
def test_more_tokens_than_any_call_uses_are_not_believed_and_logged(
    total_in: int, total_out: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert usage_from({"prompt_tokens": total_in, "completion_tokens": total_out}) is None
    assert "is not believed" in caplog.text
