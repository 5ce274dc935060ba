"""Holds the book against a price list that others keep, the package genai-prices. Where the two differ, the reason stands here."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from genai_prices.data import providers
from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, PriceVariant, StartDateConstraint, TieredPrices

from shared.catalog.model import Price, Region, Tier
from shared.catalog.service import shipped_prices

THEIRS = {"azure_openai": "openai", "openai": "openai", "anthropic": "anthropic", "gemini": "google", "xai": "x-ai"}
RATES = {
    "input": "input_mtok",
    "cached_input": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "audio_input": "input_audio_mtok",
    "output": "output_mtok",
    "audio_output": "output_audio_mtok",
}
SHIPPED = shipped_prices()
TODAY = max(price.reviewed for price in SHIPPED if price.reviewed)

_EARLIER = "OpenAI made its own cheaper on 2026-08-21; no list says that Azure has followed."
_ONE_OUTPUT = "They have one rate for all output of a model that makes pictures; ours tells text from pictures."
_PRIORITY = "They have OpenAI's fast tier at 2.5 times the ordinary one, Azure's list has twice."
ALLOWED = {
    ("azure_openai", "gpt-5.6"): _EARLIER,
    ("azure_openai", "gpt-5.6-sol"): _EARLIER,
    ("azure_openai", "gpt-image-2"): _ONE_OUTPUT,
    ("openai", "gpt-image-2"): _ONE_OUTPUT,
    ("openai", "gpt-realtime-2"): "They give it the rates of gpt-realtime-2.1.",
    ("azure_openai", "gpt-5.5"): _PRIORITY,
    ("openai", "gpt-5.5"): _PRIORITY,
}
"""The models whose rates differ, each with the reason."""

UNKNOWN = {("azure_openai", "dall-e-3"), ("openai", "dall-e-3")}
"""What they have no price for."""

OPEN = [
    price
    for price in SHIPPED
    if price.provider in THEIRS
    and price.region is Region.GLOBAL
    and price.effective_from.date() <= TODAY
    and (price.effective_to is None or price.effective_to.date() > TODAY)
    and "ai-foundry-models" not in price.source
]


def model_of(price: Price) -> ModelInfo | None:
    (seller,) = [each for each in providers if each.id == THEIRS[price.provider]]
    return next((each for each in seller.models if each.match.is_match(price.model)), None)


def ordinary(model: ModelInfo) -> ModelPrice | None:
    if isinstance(model.prices, ModelPrice):
        return model.prices
    begun = [each for each in model.prices if has_begun(each)]
    return begun[-1].prices if begun else None


def of_tier(model: ModelInfo, tier: Tier) -> ModelPrice | None:
    """What they have for a tier of service; None where they have nothing."""
    if tier is Tier.DEFAULT:
        return ordinary(model)
    wanted = {"processing": "batch"} if tier is Tier.BATCH else {"service_tier": tier.value}
    found = [each for each in model.price_variants or [] if each.when == wanted and has_begun(each)]
    return found[-1].prices if found else None


def has_begun(price: ConditionalPrice | PriceVariant) -> bool:
    start = price.constraint
    return start is None or (isinstance(start, StartDateConstraint) and start.start_date <= TODAY)


def differences(price: Price, other: ModelPrice) -> Iterator[str]:
    """Yield the rates that both have and that are not the same."""
    for name, field in RATES.items():
        theirs = getattr(other, field)
        base, long = (theirs.base, theirs.tiers[0].price) if isinstance(theirs, TieredPrices) else (theirs, None)
        if differ(getattr(price, name), base):
            yield name
        if price.long is not None and differ(getattr(price.long, name), long):
            yield f"long {name}"


def differ(ours: Decimal | None, theirs: Decimal | None) -> bool:
    """Rates are published with as little as three decimals: half of 0.275 is 0.1375 or 0.138."""
    return ours is not None and theirs is not None and abs(ours - theirs) > Decimal("0.0005")


def compared() -> list[tuple[Price, ModelPrice]]:
    pairs = ((price, model_of(price)) for price in OPEN)
    both = ((price, of_tier(model, price.tier)) for price, model in pairs if model is not None)
    return [(price, other) for price, other in both if other is not None]


COMPARED = compared()


def test_most_of_the_book_has_a_second_opinion() -> None:
    unknown = {(price.provider, price.model) for price in OPEN if model_of(price) is None}

    assert unknown == UNKNOWN
    assert len(COMPARED) > 250


@pytest.mark.parametrize(
    ("price", "other"), COMPARED, ids=[f"{price.provider} {price.model} {price.tier}" for price, _ in COMPARED]
)
def test_both_lists_have_the_same_rates_or_there_is_a_reason(price: Price, other: ModelPrice) -> None:
    found = list(differences(price, other))

    assert not found or (price.provider, price.model) in ALLOWED
    assert not found or price.reviewed is None


def test_no_reason_is_given_for_what_is_the_same() -> None:
    differing = {(price.provider, price.model) for price, other in COMPARED if any(differences(price, other))}

    assert set(ALLOWED) <= differing
