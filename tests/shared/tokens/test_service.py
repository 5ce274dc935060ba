"""Tokens are counted exactly where the text is short, and within bounds whatever the text."""

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

from shared.tokens.service import CHUNK, EXACT_UP_TO, PIECE, TokenCounter, sample

VOCABULARIES = Path(__file__).parents[3] / "vendor" / "tiktoken"


@pytest.fixture(scope="module")
def counter() -> Iterator[TokenCounter]:
    before = os.environ.get("TIKTOKEN_CACHE_DIR")
    counter = TokenCounter(VOCABULARIES)
    counter.count_now("gpt-4o", "warm")
    counter.count_now("gpt-4", "warm")
    yield counter
    counter.close()
    if before is None:
        del os.environ["TIKTOKEN_CACHE_DIR"]
    else:
        os.environ["TIKTOKEN_CACHE_DIR"] = before


@pytest.mark.parametrize(
    ("model", "text", "tokens"),
    [
        ("gpt-4o", "hello world", 2),
        ("gpt-4o", "tiktoken is great!", 6),
        ("gpt-4", "tiktoken is great!", 6),
        ("gpt-4", "お誕生日おめでとう", 9),
        ("gpt-4o", "お誕生日おめでとう", 8),
        ("gpt-4o", "<|endoftext|>", 7),
        ("gpt-4o", "", 0),
    ],
)
async def test_short_texts_are_counted_exactly(counter: TokenCounter, model: str, text: str, tokens: int) -> None:
    assert await counter.count(model, text) == tokens


@given(st.text(st.characters(codec="utf-8"), max_size=500))
def test_any_text_counts_as_the_model_would_count_it(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(VOCABULARIES))
        counter = TokenCounter(VOCABULARIES)
        assert counter.count_now("gpt-4o", text) == len(tiktoken.get_encoding("o200k_base").encode_ordinary(text))


@given(st.lists(st.integers(0xD800, 0xDFFF) | st.integers(0, 0x10FFFF), max_size=50))
def test_even_broken_text_is_counted(points: list[int]) -> None:
    text = "".join(map(chr, points))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(VOCABULARIES))
        assert 0 <= TokenCounter(VOCABULARIES).count_now("gpt-4", text) <= 4 * len(text)


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4"])
@pytest.mark.parametrize(
    "text",
    [" " * 1_000_000, "a" * 5_000_000, "\n" * 1_000_000, "!?" * 500_000, "漢" * 1_000_000, "\ud800" * 1_000_000],
    ids=["blanks", "one letter", "empty lines", "marks", "ideographs", "lone surrogates"],
)
async def test_long_and_hostile_texts_are_counted(counter: TokenCounter, model: str, text: str) -> None:
    assert 0 < await counter.count(model, text) <= 4 * len(text)


async def test_a_long_text_is_estimated_closely(counter: TokenCounter) -> None:
    sentence = "The quick brown fox jumps over the lazy dog, twice. "
    each = counter.count_now("gpt-4o", sentence * 100) / 100

    counted = await counter.count("gpt-4o", sentence * 50_000)

    assert counted == pytest.approx(each * 50_000, rel=0.01)


@given(st.integers(0, EXACT_UP_TO))
def test_up_to_the_limit_every_character_is_looked_at(length: int) -> None:
    text = "ab" * (length // 2)

    pieces, share = sample(text)

    assert "".join(pieces) == text
    assert share == 1.0
    assert all(len(piece) <= CHUNK for piece in pieces)


@given(st.integers(EXACT_UP_TO + 1, 6_000_000))
def test_beyond_the_limit_pieces_from_beginning_to_end_stand_for_the_rest(length: int) -> None:
    pieces, share = sample("x" * length)

    assert sum(map(len, pieces)) == EXACT_UP_TO
    assert share == pytest.approx(EXACT_UP_TO / length)
    assert all(len(piece) == PIECE for piece in pieces)


def test_a_sample_is_spread_over_the_whole_and_does_not_overlap() -> None:
    length = 1_000_000
    text = "".join(chr(0x10000 + index) for index in range(length))

    starts = [ord(piece[0]) - 0x10000 for piece in sample(text)[0]]

    assert all(later - earlier >= PIECE for earlier, later in pairwise(starts))
    stretch = length * PIECE // EXACT_UP_TO
    assert all(index * stretch <= start <= (index + 1) * stretch for index, start in enumerate(starts))


def test_nobody_foresees_which_places_of_a_long_text_are_looked_at(counter: TokenCounter) -> None:
    calm, dense = "word " * 4_000, "".join(chr(33 + index * 7_919 % 90) for index in range(20_000))
    text = (calm + dense) * 50
    each = counter.count_now("gpt-4o", calm) + counter.count_now("gpt-4o", dense)

    counted = [counter.count_now("gpt-4o", text) for _ in range(3)]

    assert counted == [pytest.approx(50 * each, rel=0.3)] * 3
    assert sample(text)[0] != sample(text)[0]


def test_without_vocabularies_nothing_is_fetched_and_nothing_is_counted(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        TokenCounter(tmp_path).count_now("gpt-4o", "hello")
