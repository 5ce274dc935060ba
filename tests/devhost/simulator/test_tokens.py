import tiktoken

from devhost.simulator.prompt_cache import PromptCache
from devhost.simulator.tokens import FILLER, Tokenizer


async def test_the_count_is_tiktokens() -> None:
    text = "Hello, 世界! 🌍"
    assert await Tokenizer().ids((text,)) == tiktoken.get_encoding("o200k_base").encode(text)


async def test_a_number_stands_for_tokens_that_are_not_text() -> None:
    assert await Tokenizer().ids(("a", 3)) == [64, FILLER, FILLER, FILLER]


async def test_pieces_join_to_the_text_even_inside_characters() -> None:
    tokenizer = Tokenizer()
    text = "🜲 ﷽ naïve"
    assert "".join(tokenizer.pieces(await tokenizer.ids((text,)))) == text


async def test_a_million_spaces_are_counted() -> None:
    assert await Tokenizer().count(" " * 1_000_000) > 0


def test_a_prefix_is_cached_from_1024_tokens_and_per_deployment() -> None:
    cache = PromptCache()
    assert cache.read("a", [1] * 1_023) == (0, 0)
    assert cache.read("a", [1] * 1_200) == (0, 1_152)
    assert cache.read("a", [1] * 1_100 + [2] * 500) == (1_024, 1_536)
    assert cache.read("b", [1] * 1_200) == (0, 1_152)


def test_the_cache_forgets_the_oldest() -> None:
    cache = PromptCache(capacity=1)
    cache.read("a", [1] * 1_024)
    cache.read("a", [2] * 1_024)
    assert cache.read("a", [1] * 1_024) == (0, 1_024)
