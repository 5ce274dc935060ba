from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.model import Price, PriceConfig, Unpriced
from shared.catalog.service import KEPT, UNKNOWN, OutputHistory, PriceBook, load_book
from shared.usage.model import TokenUsage, Units, Usage

START, NOW = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
CHAT = ("research", "gpt-4o", "chat.completions")


def price(model: str = "gpt-4o", **fields: Any) -> Price:
    about = {"provider": "azure_openai", "source": "https://prices.example", "reviewed": "2026-01-01"}
    return Price.model_validate({"model": model, "effective_from": START, "input": "1", **about, **fields})


def override(model: str, **fields: Any) -> PriceConfig:
    return PriceConfig.model_validate({"model": model, **fields})


def input_rate(book: PriceBook, model: str, **where: str) -> str | None:
    found = book.find(model, NOW, **where)  # type: ignore[arg-type]
    return None if found is None or found.input is None else f"{found.input.normalize():f}"


def test_a_price_holds_from_its_beginning_until_just_before_its_end() -> None:
    end = datetime(2025, 6, 10, tzinfo=UTC)
    dear, cheap = price(effective_to=end, input="10"), price(effective_from=end, input="2")
    book = PriceBook([cheap, dear])

    assert book.find("gpt-4o", START - timedelta(microseconds=1)) is None
    assert book.find("gpt-4o", START) == dear
    assert book.find("gpt-4o", end - timedelta(microseconds=1)) == dear
    assert book.find("gpt-4o", end) == cheap


def test_a_price_that_has_ended_and_was_not_followed_is_no_price() -> None:
    book = PriceBook([price(effective_to=datetime(2025, 6, 10, tzinfo=UTC))])

    assert book.find("gpt-4o", NOW) is None


@pytest.mark.parametrize("end", [None, datetime(2025, 7, 1, tzinfo=UTC)])
def test_two_prices_at_one_moment_are_refused(end: datetime | None) -> None:
    later = price(effective_from=datetime(2025, 6, 10, tzinfo=UTC), input="2")

    with pytest.raises(ValueError, match=r"gpt-4o \(global, default\) has two prices on 2025-06-10"):
        PriceBook([later, price(effective_to=end)])


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=6), st.integers(0, 80))
def test_a_book_never_holds_two_prices_for_one_moment(spans: list[tuple[int, int]], day: int) -> None:
    prices = [
        price(effective_from=START + timedelta(days=first), effective_to=START + timedelta(days=first + length))
        for first, length in spans
    ]
    at = START + timedelta(days=day)
    in_effect = [each for each in prices if each.effective_to and each.effective_from <= at < each.effective_to]
    try:
        found = PriceBook(prices).find("gpt-4o", at)
    except ValueError:
        days = [set(range(first, first + length)) for first, length in spans]
        assert sum(map(len, days)) > len(set().union(*days))
    else:
        assert in_effect == ([] if found is None else [found])


def test_a_dated_version_has_the_price_of_its_model_unless_it_has_its_own() -> None:
    book = PriceBook([price(input="2.50"), price("gpt-4o-2024-05-13", input="5")])

    assert input_rate(book, "gpt-4o-2024-11-20") == "2.5"
    assert input_rate(book, "gpt-4o-2024-05-13") == "5"


def test_a_dated_version_with_its_own_price_does_not_borrow_one_for_another_tier() -> None:
    book = PriceBook([price(tier="batch", input="1.25"), price("gpt-4o-2024-05-13", input="5")])

    assert input_rate(book, "gpt-4o-2024-11-20", tier="batch") == "1.25"
    assert input_rate(book, "gpt-4o-2024-05-13", tier="batch") is None


@pytest.mark.parametrize(
    ("asked", "listed"),
    [
        ("gpt-35-turbo", "gpt-3.5-turbo"),
        ("gpt-35-turbo-16k", "gpt-3.5-turbo-16k"),
        ("GPT-4o", "gpt-4o"),
        ("whisper", "whisper-1"),
        ("tts-hd", "tts-1-hd"),
        ("text-embedding-ada-002-v2", "text-embedding-ada-002"),
    ],
)
def test_a_model_is_found_by_its_other_names(asked: str, listed: str) -> None:
    assert input_rate(PriceBook([price(listed)]), asked) == "1"


@pytest.mark.parametrize(
    "model",
    ["gpt-4", "gpt-4o-mini", "ft:gpt-4o:contoso::abc", "ft:gpt-4o-2024-11-20", "gpt-4o-2024-08-06.ft-b044a9d3", "", "x" * 500],
)  # fmt: skip
def test_a_model_that_is_not_listed_has_no_price(model: str) -> None:
    assert input_rate(PriceBook([price()]), model) is None


def test_each_region_and_each_tier_has_a_price_of_its_own_and_none_borrows_anothers() -> None:
    book = PriceBook([price(input="2"), price(region="data_zone", input="2.2"), price(tier="batch", input="1")])

    assert input_rate(book, "gpt-4o") == input_rate(book, "gpt-4o", region="global") == "2"
    assert input_rate(book, "gpt-4o", region="data_zone") == "2.2"
    assert input_rate(book, "gpt-4o", tier="batch") == "1"
    assert input_rate(book, "gpt-4o", region="regional") is None
    assert input_rate(book, "gpt-4o", tier="priority") is None
    assert input_rate(book, "gpt-4o", tier="whatever") is None


def test_an_override_wins_and_what_it_leaves_out_stays_as_listed() -> None:
    listed = price(input="2.50", cached_input="1.25", output="10")
    found = PriceBook([listed], [override("gpt-4o", input="2", per_image="0")]).find("gpt-4o", NOW)

    assert found is not None
    rates = {name: str(rate) for name, rate in found.named().items()}
    assert rates == {"input": "2", "cached_input": "1.25", "output": "10", "per_image": "0"}
    assert found.cost(Usage(TokenUsage(input_fresh=1_000_000))) == 2_000_000_000
    assert listed.cost(Usage(TokenUsage(input_fresh=1_000_000))) == 2_500_000_000


def test_an_override_of_nothing_but_rates_per_unit_is_paid_by_the_unit_and_else_as_listed() -> None:
    listed = price(input="5", image_output="40")
    drawn = Usage(TokenUsage(input_fresh=50, output_image=4_160), Units(images=1))

    by_piece = PriceBook([listed], [override("gpt-4o", per_image="0.17")]).find("gpt-4o", NOW)
    both = PriceBook([listed], [override("gpt-4o", per_image="0.17", input="5")]).find("gpt-4o", NOW)

    assert by_piece is not None
    assert both is not None
    assert by_piece.cost(drawn) == 170_000_000
    assert by_piece.cost(Usage(drawn.tokens)) == both.cost(drawn) == listed.cost(drawn) == 166_650_000


def test_an_override_prices_models_that_no_book_lists() -> None:
    book = PriceBook([], [override("llama-*", input="0.2", output="0.4")])

    found = book.find("llama-4-scout", datetime(1999, 1, 1, tzinfo=UTC), region="regional", tier="flex")

    assert found is not None
    assert found.cost(Usage(TokenUsage(input_fresh=10, output_text=5))) == 4_000
    assert found.cost(Usage(TokenUsage(input_cached=10, output_audio=0))) == 2_000
    assert found.cost(Usage(TokenUsage(output_audio=1))) == Unpriced("llama-*", ("output_audio",))
    assert input_rate(book, "mistral-large") is None


def test_an_override_holds_where_the_listed_price_has_ended() -> None:
    ended = price(effective_to=datetime(2025, 6, 10, tzinfo=UTC))

    assert input_rate(PriceBook([ended], [override("gpt-4o", input="7")]), "gpt-4o") == "7"


def test_an_override_of_a_model_holds_for_its_dated_versions_but_those_with_their_own_price() -> None:
    book = PriceBook([price(), price("gpt-4o-2024-05-13", input="5")], [override("gpt-4o", input="3")])

    assert input_rate(book, "gpt-4o-2024-11-20") == "3"
    assert input_rate(book, "gpt-4o-2024-05-13") == "5"


def test_an_override_may_use_azures_name_and_name_fine_tuned_models() -> None:
    book = PriceBook([price("gpt-3.5-turbo")], [override("gpt-35-turbo", input="9"), override("ft:gpt-4o*", input="4")])

    assert input_rate(book, "gpt-3.5-turbo") == input_rate(book, "gpt-35-turbo") == "9"
    assert input_rate(book, "ft:gpt-4o:contoso::abc") == "4"


def test_the_most_specific_override_wins_whatever_their_order() -> None:
    overrides = [
        override("*", input="1"),
        override("gpt-*", input="2"),
        override("gpt-4o", input="3"),
        override("gpt-4o", input="4", tier="batch"),
        override("gpt-4o-2024-11-20", input="5"),
    ]
    for order in (overrides, overrides[::-1]):
        book = PriceBook([price()], order)
        asked = [("o1", "default"), ("gpt-4.1", "default"), ("gpt-4o", "default"), ("gpt-4o", "batch")]
        assert [input_rate(book, model, tier=tier) for model, tier in asked] == ["1", "2", "3", "4"]
        assert input_rate(book, "gpt-4o-2024-11-20") == "5"


def test_names_that_callers_make_up_do_not_fill_the_memory() -> None:
    book = PriceBook([price()])
    for number in range(KEPT + 10):
        assert input_rate(book, f"made-up-{number}") is None

    assert len(book._found) <= KEPT
    assert input_rate(book, "gpt-4o") == "1"


def test_the_shipped_book_prices_a_call_under_the_operators_overrides() -> None:
    spent = Usage(TokenUsage(input_fresh=1_000, input_cached=1_024, output_text=200, output_reasoning=64))

    listed = load_book().find("gpt-5.1-2025-11-13", NOW)
    own = load_book([override("gpt-5*", output="8")]).find("gpt-5.1-2025-11-13", NOW)

    assert listed is not None
    assert own is not None
    assert listed.cost(spent) == 1_250_000 + 128_000 + 2_640_000
    assert own.cost(spent) == 1_250_000 + 128_000 + 2_112_000


def test_an_unknown_model_is_expected_to_answer_at_some_length() -> None:
    history = OutputHistory()
    history.observe(CHAT, 5)

    assert history.p95(("research", "gpt-4o", "responses")) == UNKNOWN
    assert history.p95(CHAT) == UNKNOWN


def test_one_long_answer_raises_what_is_expected_at_once() -> None:
    history = OutputHistory()
    history.observe(CHAT, 4_000)

    assert 4_000 <= history.p95(CHAT) <= 4_500


@given(st.lists(st.integers(0, 2**21 - 1), min_size=20, max_size=200))
def test_nineteen_of_twenty_answers_stay_within_what_is_expected(answers: list[int]) -> None:
    history = OutputHistory()
    for tokens in answers:
        history.observe(CHAT, tokens)

    p95 = history.p95(CHAT)

    assert sum(tokens > p95 for tokens in answers) <= len(answers) // 20
    exact = sorted(answers)[len(answers) - 1 - len(answers) // 20]
    assert exact <= p95 <= exact * 9 / 8


def test_what_is_expected_follows_what_callers_do_now() -> None:
    history = OutputHistory()
    for tokens in [3_000] * 10_000 + [100] * 10_000:
        history.observe(CHAT, tokens)

    assert 100 <= history.p95(CHAT) <= 112


@pytest.mark.parametrize("tokens", [-1, 2**21, 10**12])
def test_absurd_counts_do_no_harm(tokens: int) -> None:
    history = OutputHistory()
    history.observe(CHAT, tokens)

    assert UNKNOWN <= history.p95(CHAT) < 2**21


def test_no_team_bends_what_is_expected_of_another() -> None:
    history = OutputHistory()
    for _ in range(100):
        history.observe(("other", "gpt-4o", "chat.completions"), 1)

    assert history.p95(CHAT) == UNKNOWN


def test_names_that_callers_make_up_fill_neither_the_history_nor_anothers_part_of_it() -> None:
    history = OutputHistory()
    history.observe(CHAT, 5_000)
    for number in range(1_200):
        history.observe(("other", f"made-up-{number}", "chat.completions"), 5_000)

    assert sum(map(len, history._teams.values())) <= 60
    assert history.p95(("other", "made-up-0", "chat.completions")) == UNKNOWN
    assert history.p95(("other", "made-up-1199", "chat.completions")) >= 5_000
    assert history.p95(CHAT) >= 5_000
