from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.catalog.model import (
    CONFIGURATION,
    PARTS,
    TOKEN_BUCKETS,
    UNIT_BUCKETS,
    Charge,
    Price,
    PriceConfig,
    Unpriced,
)
from shared.usage.model import TokenUsage, Units, Usage

RATE_OF = {
    "input_fresh": ("input", 10**6),
    "input_cached": ("cached_input", 10**6),
    "input_cache_write": ("cache_write", 10**6),
    "input_audio": ("audio_input", 10**6),
    "input_image": ("image_input", 10**6),
    "output_text": ("output", 10**6),
    "output_reasoning": ("reasoning", 10**6),
    "output_audio": ("audio_output", 10**6),
    "output_image": ("image_output", 10**6),
    "audio_ms": ("per_audio_minute", 60_000),
    "characters": ("per_million_characters", 10**6),
    "images": ("per_image", 1),
}
"""Each bucket of usage, the rate that prices it, and how many of it the rate is for."""

FALLBACKS = {
    "input_cached": "input",
    "input_cache_write": "input",
    "input_audio": "input",
    "input_image": "input",
    "output_reasoning": "output",
}
"""The rate that prices a bucket where the price has none of its own for it."""

RATES = tuple(rate for rate, _ in RATE_OF.values())
BUCKETS = st.sampled_from(sorted(RATE_OF))
COUNTS = st.fixed_dictionaries({bucket: st.integers(0, 10**9) for bucket in RATE_OF})
KINDS = st.sampled_from([TOKEN_BUCKETS, UNIT_BUCKETS])
"""What one call is billed for: never both."""
AMOUNTS = st.decimals(0, 1_000, places=9, allow_nan=False)
WHOLE_PRICES = st.fixed_dictionaries(dict.fromkeys(RATES, AMOUNTS))


def price(**fields: Any) -> Price:
    about = {"provider": "azure_openai", "source": "https://prices.example", "reviewed": "2026-01-01"}
    return Price.model_validate(
        {"model": "gpt-4o", "effective_from": datetime(2025, 1, 1, tzinfo=UTC), **about, **fields}
    )


def usage(**counts: int) -> Usage:
    tokens = {bucket: count for bucket, count in counts.items() if bucket in TOKEN_BUCKETS}
    units = {bucket: count for bucket, count in counts.items() if bucket in UNIT_BUCKETS}
    return Usage(TokenUsage(**tokens), Units(**units))


def exact(cost: int | Unpriced) -> int:
    assert isinstance(cost, int)
    return cost


GPT_4O = price(input="2.50", cached_input="1.25", output="10")


def test_a_call_costs_what_its_tokens_cost() -> None:
    assert GPT_4O.cost(usage(input_fresh=1_000, input_cached=2_000, output_text=100)) == 6_000_000


def test_cached_tokens_are_not_priced_twice() -> None:
    assert GPT_4O.cost(usage(input_cached=1_000_000)) == 1_250_000_000


def test_reasoning_costs_as_much_as_output_unless_the_price_says_otherwise() -> None:
    spent = usage(output_reasoning=1_000_000)

    assert GPT_4O.cost(spent) == 10_000_000_000
    assert price(output="10", reasoning="3").cost(spent) == 3_000_000_000


def test_audio_is_billed_by_the_minute_speech_by_the_character_and_pictures_by_the_piece() -> None:
    assert price(per_audio_minute="0.006").cost(usage(audio_ms=90_000)) == 9_000_000
    assert price(per_million_characters="15").cost(usage(characters=200)) == 3_000_000
    assert price(per_image="0.04").cost(usage(images=2)) == 80_000_000


@pytest.mark.parametrize("bucket", RATE_OF)
def test_what_the_price_does_not_price_is_unpriced_and_never_free(bucket: str) -> None:
    rates = {rate: "1" for rate in RATES if rate != RATE_OF[bucket][0]}
    if fallback := FALLBACKS.get(bucket):
        del rates[fallback]
    if bucket == "input_fresh":
        rates = {"output": "1"}

    assert price(**rates).cost(usage(**{bucket: 1})) == Unpriced("gpt-4o", (bucket,))
    assert price(**{**rates, RATE_OF[bucket][0]: "0"}).cost(usage(**{bucket: 1})) == 0


def test_an_unpriced_result_names_every_bucket() -> None:
    spent = usage(input_fresh=5, output_audio=1, output_image=1)

    assert GPT_4O.cost(spent) == Unpriced("gpt-4o", ("output_audio", "output_image"))


@pytest.mark.parametrize(
    ("bucket", "rate"),
    [
        ("input_cached", "cached_input"),
        ("input_cache_write", "cache_write"),
        ("input_audio", "audio_input"),
        ("input_image", "image_input"),
    ],
)
def test_every_kind_of_input_costs_as_much_as_input_unless_the_price_says_otherwise(bucket: str, rate: str) -> None:
    spent = usage(**{bucket: 1_000_000})

    assert price(input="2", output="10").cost(spent) == 2_000_000_000
    assert price(**{"input": "2", rate: "0"}).cost(spent) == 0


def test_a_picture_that_is_billed_by_its_tokens_is_not_billed_again() -> None:
    by_token = price(input="5", image_output="40")

    assert by_token.cost(usage(input_fresh=10, output_image=1_000, images=1)) == 40_050_000
    assert by_token.cost(usage(images=1)) == Unpriced("gpt-4o", ("images",))


@pytest.mark.parametrize(("rate", "tokens", "cost"), [("0.0005", 1, 0), ("0.0005", 3, 2), ("0.001", 1, 1)])
def test_a_cost_is_rounded_once_half_to_even(rate: str, tokens: int, cost: int) -> None:
    assert price(input=rate).cost(usage(input_fresh=tokens)) == cost


def test_two_halves_are_added_before_they_are_rounded() -> None:
    assert price(input="0.0005", output="0.0005").cost(usage(input_fresh=1, output_text=1)) == 1


def only(kind: tuple[str, ...], counts: dict[str, int]) -> dict[str, int]:
    return {bucket: count if bucket in kind else 0 for bucket, count in counts.items()}


@given(WHOLE_PRICES, KINDS, COUNTS)
def test_the_cost_is_the_exact_sum_over_the_buckets_rounded_half_to_even(
    rates: dict[str, Decimal], kind: tuple[str, ...], counts: dict[str, int]
) -> None:
    counts = only(kind, counts)
    total = sum((Fraction(rates[rate]) * counts[bucket] / per for bucket, (rate, per) in RATE_OF.items()), Fraction(0))

    cost = exact(price(**rates).cost(usage(**counts)))

    assert exact(price(**rates).parts(usage(**counts))) == total * 10**9 * PARTS
    assert cost == round(total * 10**9)
    assert cost >= 0


@given(WHOLE_PRICES, KINDS, COUNTS, COUNTS)
def test_costs_add_up_before_they_are_rounded(
    rates: dict[str, Decimal], kind: tuple[str, ...], first: dict[str, int], second: dict[str, int]
) -> None:
    first, second = only(kind, first), only(kind, second)
    both = {bucket: first[bucket] + second[bucket] for bucket in RATE_OF}
    priced = price(**rates)

    parts = [exact(priced.parts(usage(**counts))) for counts in (first, second, both)]
    assert parts[0] + parts[1] == parts[2]


@given(WHOLE_PRICES, COUNTS, BUCKETS, st.integers(0, 10**9))
def test_more_of_anything_never_costs_less(
    rates: dict[str, Decimal], counts: dict[str, int], bucket: str, more: int
) -> None:
    counts = only(TOKEN_BUCKETS if bucket in TOKEN_BUCKETS else UNIT_BUCKETS, counts)
    priced = price(**rates)

    less = exact(priced.cost(usage(**counts)))
    assert exact(priced.cost(usage(**{**counts, bucket: counts[bucket] + more}))) >= less


@given(WHOLE_PRICES, BUCKETS, st.integers(1, 10**9))
def test_each_bucket_is_priced_by_its_own_rate_alone(rates: dict[str, Decimal], bucket: str, count: int) -> None:
    rate, per = RATE_OF[bucket]
    alone = Decimal(count) * rates[rate] * 10**9 / per

    cost = exact(price(**rates).cost(usage(**{bucket: count})))

    assert abs(cost - alone.quantize(Decimal(1), ROUND_HALF_EVEN)) <= (bucket == "audio_ms")


@given(st.sets(st.sampled_from(RATES), min_size=1), COUNTS)
def test_a_cost_is_only_told_where_every_token_has_a_price(named: set[str], counts: dict[str, int]) -> None:
    counts = only(TOKEN_BUCKETS, counts)
    lacking = {
        bucket
        for bucket in TOKEN_BUCKETS
        if counts[bucket] and RATE_OF[bucket][0] not in named and FALLBACKS.get(bucket) not in named
    }

    cost = price(**dict.fromkeys(named, "1")).cost(usage(**counts))

    if lacking:
        assert isinstance(cost, Unpriced)
        assert set(cost.buckets) == lacking
    elif any(counts[bucket] for bucket in TOKEN_BUCKETS):
        assert isinstance(cost, int)


@given(st.sets(st.sampled_from(RATES), min_size=1), AMOUNTS)
def test_no_usage_costs_nothing(named: set[str], rate: Decimal) -> None:
    assert price(**dict.fromkeys(named, rate)).cost(Usage()) == 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "must hold at least one rate"),
        ({"input": "-1"}, "greater than or equal to 0"),
        ({"input": "0.0000000001"}, "9 decimal places"),
        ({"input": "1", "currency": "dollars"}, "pattern"),
        ({"input": "1", "effective_to": datetime(2025, 1, 1, tzinfo=UTC)}, "effective_to must be later"),
        ({"input": "1", "effective_from": "2025-01-01T00:00:00"}, "timezone"),
        ({"input": "1", "tier": "cheap"}, "'default', 'priority', 'flex' or 'batch'"),
        ({"input": "1", "region": "moon"}, "'global', 'data_zone' or 'regional'"),
        ({"input": "1", "inptu": "1"}, "not permitted"),
    ],
)
def test_a_price_that_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        price(**fields)


def test_an_override_is_written_like_a_price_and_needs_a_rate() -> None:
    written = {"model": "gpt-4o*", "input": 2.5, "per_image": "0.04", "tier": "batch"}

    override = PriceConfig.model_validate(written)

    assert override.named() == {"input": Decimal("2.5"), "per_image": Decimal("0.04")}
    with pytest.raises(ValidationError, match="at least one rate"):
        PriceConfig.model_validate({"model": "gpt-4o"})


def charged(priced: Price, spent: Usage) -> Charge:
    charge = priced.charge(spent)
    assert isinstance(charge, Charge)
    return charge


def test_a_charge_says_what_each_kind_of_use_cost_and_what_the_cache_saved() -> None:
    charge = charged(GPT_4O, usage(input_fresh=1_000, input_cached=2_000, output_text=100))

    assert charge == Charge(
        cost=6_000_000,
        price="azure_openai|gpt-4o|global|default|2025-01-01",
        lines={"input_fresh": 2_500_000, "input_cached": 2_500_000, "output_text": 1_000_000},
        saved_cache=2_500_000,
    )


def test_halves_of_a_unit_are_divided_so_that_nothing_is_lost() -> None:
    spent = usage(input_fresh=1, input_cached=1, output_text=1)

    charge = charged(price(input="0.0005", output="0.0005"), spent)

    assert (charge.cost, charge.lines) == (2, {"input_fresh": 1, "input_cached": 1})


@given(WHOLE_PRICES, COUNTS)
def test_the_lines_of_a_charge_add_up_to_its_cost_and_none_is_negative(
    rates: dict[str, Decimal], counts: dict[str, int]
) -> None:
    priced, spent = price(**rates), usage(**counts)

    charge = charged(priced, spent)

    assert sum(charge.lines.values()) == charge.cost == priced.cost(spent)
    assert all(nanos > 0 and counts[bucket] for bucket, nanos in charge.lines.items())
    assert charged(priced, spent) == charge


@given(WHOLE_PRICES, COUNTS)
def test_what_the_cache_saved_is_the_difference_to_paying_for_fresh_input(
    rates: dict[str, Decimal], counts: dict[str, int]
) -> None:
    priced, cached = price(**rates), counts["input_cached"]

    dear = exact(priced.cost(usage(input_fresh=cached))) - exact(priced.cost(usage(input_cached=cached)))
    assert abs(charged(priced, usage(**counts)).saved_cache - dear) <= 1


def test_a_charge_without_a_price_for_everything_is_no_charge() -> None:
    assert GPT_4O.charge(usage(output_audio=1)) == Unpriced("gpt-4o", ("output_audio",))


def test_a_long_prompt_makes_the_whole_call_dearer() -> None:
    long = {"over": 200_000, "input": "4", "cached_input": "0.4", "output": "15"}
    priced = price(input="2", cached_input="0.2", output="10", long=long)

    assert priced.cost(usage(input_fresh=200_000, output_text=1_000)) == 410_000_000
    assert priced.cost(usage(input_fresh=200_000, input_cached=1, output_text=1_000)) == 815_000_400
    assert charged(priced, usage(input_fresh=200_000, input_cached=100_000)).saved_cache == 360_000_000


def test_units_cost_the_same_with_a_long_prompt() -> None:
    priced = price(input="2", output="10", per_image="0.04", long={"over": 10, "input": "4", "output": "15"})

    assert priced.cost(usage(images=1)) == 40_000_000


@given(WHOLE_PRICES, COUNTS)
def test_units_cost_nothing_where_tokens_were_reported_and_have_rates(
    rates: dict[str, Decimal], counts: dict[str, int]
) -> None:
    priced, spent = price(**rates), usage(**{**counts, "output_text": counts["output_text"] + 1})

    assert priced.cost(spent) == priced.cost(Usage(spent.tokens))
    assert not charged(priced, spent).lines.keys() & set(UNIT_BUCKETS)


def test_a_price_without_a_rate_for_tokens_is_by_the_unit() -> None:
    by_piece = price(per_image="0.04")

    assert charged(by_piece, usage(input_fresh=50, output_image=4_160, images=2)).lines == {"images": 80_000_000}
    assert by_piece.cost(usage(input_fresh=50)) == Unpriced("gpt-4o", ("input_fresh",))
    assert by_piece.cost(usage(input_fresh=50, characters=1)) == Unpriced("gpt-4o", ("input_fresh",))


def test_what_is_paid_by_the_unit_saves_nothing_by_the_cache() -> None:
    by_piece = price(input="5", cached_input="1", per_image="0.04", by_unit=True)

    assert charged(by_piece, usage(input_cached=50, images=1)).saved_cache == 0
    assert charged(by_piece, usage(input_cached=50)).saved_cache == 200_000
    assert by_piece.digest != price(input="5", cached_input="1", per_image="0.04").digest


def test_a_price_is_named_by_its_place_and_beginning_and_an_operators_own_by_its_rates_too() -> None:
    own = price(input="1", source=CONFIGURATION)
    other = price(input="2", source=CONFIGURATION)

    assert price(input="1", region="data_zone", tier="batch").id == "azure_openai|gpt-4o|data_zone|batch|2025-01-01"
    assert own.id.startswith("configuration|gpt-4o|global|default|2025-01-01|")
    assert own.id != other.id


def test_an_override_ends_after_it_begins() -> None:
    moments = {"effective_from": "2026-02-01T00:00:00Z", "effective_to": "2026-02-01T00:00:00Z"}

    with pytest.raises(ValidationError, match="effective_to must be later"):
        PriceConfig.model_validate({"model": "gpt-4o", "input": "1", **moments})


def test_a_price_that_was_used_already_can_be_changed() -> None:
    dear = price(input="1", output="2")
    assert charged(dear, usage(input_fresh=1)).price == dear.id

    assert dear.changed({"input": "3"}).digest == price(input="3", output="2").digest != dear.digest
