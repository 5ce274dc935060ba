from datetime import UTC, datetime
from typing import Any

from shared.catalog.model import CONFIGURATION, Price, PriceConfig
from shared.catalog.overrides import applies, own_prices, specificity

JANUARY, MARCH, MAY = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 3, 5))
PLACE = ("azure_openai", "global", "default")


def override(model: str = "gpt-4o", **fields: Any) -> PriceConfig:
    return PriceConfig.model_validate({"model": model, "input": "9", **fields})


def listed(**fields: Any) -> Price:
    about = {"provider": "azure_openai", "source": "https://prices.example", "model": "gpt-4o"}
    return Price.model_validate({"effective_from": JANUARY, "input": "1", "output": "2", **about, **fields})


def spans(prices: list[Price]) -> list[tuple[datetime, datetime | None]]:
    return [(each.effective_from, each.effective_to) for each in prices]


def test_what_says_more_of_its_calls_comes_before_what_says_less() -> None:
    ordered = [
        override("gpt-4o", provider="azure_openai", tier="batch"),
        override("gpt-4o", tier="batch"),
        override("gpt-4o"),
        override("gpt-4*", region="global"),
        override("gpt-*"),
        override("*"),
    ]

    assert sorted(ordered[::-1], key=specificity, reverse=True) == ordered


def test_an_override_is_for_what_it_names_alone() -> None:
    assert applies(override(), ["gpt-4o"], "gpt-4o", PLACE)
    assert not applies(override(), ["gpt-4.1"], "gpt-4o", PLACE)
    assert not applies(override(provider="openai"), ["gpt-4o"], "gpt-4o", PLACE)
    assert not applies(override(region="regional"), ["gpt-4o"], "gpt-4o", PLACE)
    assert not applies(override(tier="flex"), ["gpt-4o"], "gpt-4o", PLACE)


def test_an_override_lies_over_what_is_listed_for_as_long_as_both_are_in_effect() -> None:
    own = override(effective_from=MARCH, effective_to=MAY)

    prices = list(own_prices(own, [listed(effective_to=MARCH), listed(effective_from=MARCH)], "global", "default"))

    assert spans(prices) == [(MARCH, MAY), (MARCH, MAY)]
    assert [(str(price.input), price.output is None) for price in prices] == [("9", False), ("9", True)]
    assert {price.source for price in prices} == {CONFIGURATION}


def test_an_operators_price_is_for_prompts_of_every_length_unless_it_says_otherwise() -> None:
    long = {"over": 10, "input": "3"}
    (flat, _), (own, _) = (
        list(own_prices(override(long=said), [listed(long=long)], "global", "default"))
        for said in (None, {**long, "over": 5})
    )

    assert flat.long is None
    assert own.long is not None
    assert own.long.over == 5


def test_it_stands_alone_in_whatever_region_and_tier_was_asked_for() -> None:
    (price,) = own_prices(override("llama-*"), [], "regional", "flex")

    assert (price.model, price.region, price.tier, price.provider) == ("llama-*", "regional", "flex", CONFIGURATION)
