"""Holds the price list to its rules, and the reference to the price list: `python -m tests.architecture.test_catalog` writes the table."""

import re
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
import yaml
from pydantic import TypeAdapter

from shared.catalog.model import Price, PriceConfig, Rates, Tier
from shared.catalog.service import PriceBook, shipped_prices

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "shared" / "catalog" / "data").glob("*.json"))
PAGE = ROOT / "docs" / "reference" / "prices.md"
LIST = ROOT / "docs" / "reference" / "price-list.md"

ENTRIES = [entry for file in FILES for entry in orjson.loads(file.read_bytes())]
PRICES = shipped_prices()
HEADING = "\n## Prices in the book\n"
COLUMNS = {
    "input": "input",
    "cached_input": "cached",
    "cache_write": "cache write",
    "audio_input": "audio in",
    "image_input": "image in",
    "output": "output",
    "audio_output": "audio out",
    "image_output": "image out",
}
PER_UNIT = {
    "per_audio_minute": "a minute",
    "per_million_characters": "a million characters",
    "per_image": "a picture",
}


SOURCES = re.compile(
    r"https://(developers\.openai\.com|azure\.microsoft\.com|learn\.microsoft\.com|platform\.claude\.com|ai\.google\.dev|docs\.x\.ai"
    r"|docs\.github\.com)/\S+"
)


def name_of(price: Price) -> str:
    return price.id


def table() -> str:
    """The price list as the reference shows it: a section for each provider."""
    providers = dict.fromkeys(price.provider for price in PRICES)
    return "\n".join(line for provider in providers for line in section(provider))


def section(provider: str) -> list[str]:
    prices = [price for price in PRICES if price.provider == provider]
    return [
        f"### `{provider}`",
        "",
        f"| model | region | tier | {' | '.join(COLUMNS.values())} | by the unit | in effect | source | reviewed |",
        f"|{'---|' * (len(COLUMNS) + 7)}",
        *(row for price in prices for row in rows(price)),
        "",
        *(f"- `{price.model}` ({price.region}, {price.tier}): {price.note}" for price in prices if price.note),
        "",
    ]


def rows(price: Price) -> list[str]:
    """A row of its rates, and one of those for long prompts."""
    per_unit = ", ".join(f"{rate} {PER_UNIT[name]}" for name, rate in price.named().items() if name in PER_UNIT)
    until = f" to {price.effective_to:%Y-%m-%d}" if price.effective_to else ""
    reviewed = f"{price.reviewed:%Y-%m-%d}" if price.reviewed else "not yet"
    end = [per_unit, f"{price.effective_from:%Y-%m-%d}{until}", f"[page]({price.source})", reviewed]
    begin = [f"`{price.model}`", price.region, price.tier]
    lines = [[*begin, *per_token(price), *end]]
    if price.long:
        lines.append(
            ["… with a prompt of more than", f"{price.long.over:,} tokens", "", *per_token(price.long), "", "", "", ""]
        )
    return [f"| {' | '.join(line)} |" for line in lines]


def per_token(rates: Rates) -> list[str]:
    named = rates.named()
    return [f"{named[name]}" if name in named else "" for name in COLUMNS]


def test_no_moment_has_two_prices() -> None:
    assert PriceBook(PRICES).find("gpt-4o", PRICES[0].effective_from) is not None


def test_a_price_that_was_followed_ended_when_the_next_began() -> None:
    series: dict[tuple[str, str, str, str], list[Price]] = {}
    for price in PRICES:
        series.setdefault((price.provider, price.model, price.region, price.tier), []).append(price)

    followed = [pair for prices in series.values() for pair in pairwise(prices)]
    assert followed
    assert all(before.effective_to == after.effective_from for before, after in followed)


def test_money_is_written_as_text_and_every_entry_says_all_there_is_to_say() -> None:
    always = {
        "provider", "model", "region", "tier", "currency", "effective_from", "effective_to", "source", "reviewed",
    }  # fmt: skip
    for entry in ENTRIES:
        assert always <= set(entry), entry["model"]
        for rates in (entry, entry.get("long", {"input": "0"})):
            assert {type(rates[name]) for name in Rates.model_fields if name in rates} == {str}, entry["model"]


def test_a_price_has_a_line_and_no_file_is_too_long_to_read() -> None:
    for file in FILES:
        assert file.read_text().count("\n") == len(orjson.loads(file.read_bytes())) + 2 < 500


@pytest.mark.parametrize("price", PRICES, ids=name_of)
def test_every_price_can_be_checked_by_a_reader(price: Price) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", price.model)
    assert SOURCES.fullmatch(price.source)
    assert price.reviewed is None or price.reviewed >= date(2026, 1, 1)
    assert price.currency == "USD"


@pytest.mark.parametrize("price", PRICES, ids=name_of)
def test_prices_are_not_a_thousand_times_too_high_or_too_low(price: Price) -> None:
    per_million = [rate for name, rate in price.named().items() if name in COLUMNS]

    assert all(Decimal("0.001") <= rate <= 600 or rate == 0 for rate in per_million)
    assert price.per_image is None or Decimal("0.001") <= price.per_image < 1
    assert price.per_audio_minute is None or Decimal("0.0005") <= price.per_audio_minute < 1


@pytest.mark.parametrize("price", PRICES, ids=name_of)
def test_the_cache_is_cheaper_than_what_is_new_and_output_dearer(price: Price) -> None:
    for rates in filter(None, (price, price.long)):
        if rates.input:
            assert rates.cached_input is None or rates.cached_input < rates.input
            assert rates.output is None or rates.output >= rates.input
            assert rates.cache_write is None or rates.cache_write >= rates.input


@pytest.mark.parametrize("price", [each for each in PRICES if each.long], ids=name_of)
def test_a_long_prompt_is_dearer_and_priced_for_everything(price: Price) -> None:
    assert price.long is not None
    assert price.tier is not Tier.BATCH, "the tokens of a batch are of many prompts"
    ordinary, long = price.named(), price.long.named()
    assert set(long) == set(ordinary)
    assert all(long[name] > rate for name, rate in ordinary.items())


def test_a_cheaper_tier_is_cheaper_and_a_dearer_one_dearer() -> None:
    book = PriceBook(PRICES)
    for price in PRICES:
        usual = book.find(price.model, price.effective_from, region=price.region, provider=price.provider)
        if usual is None or price.input is None or usual.input is None or price.tier is Tier.DEFAULT:
            continue
        assert price.input >= usual.input if price.tier is Tier.PRIORITY else price.input < usual.input, price.id


def test_the_reference_shows_the_prices_of_the_book() -> None:
    assert LIST.read_text().split(HEADING, 1)[1].strip() == table().strip()


def test_the_reference_explains_every_field() -> None:
    explained = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text().split("\n## ")[1], re.MULTILINE))
    assert explained == set(Price.model_fields)


def test_the_example_of_an_override_is_one() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)

    overrides = TypeAdapter(tuple[PriceConfig, ...]).validate_python(yaml.safe_load(example)["prices"])
    assert [override.model for override in overrides] == ["gpt-4o", "gpt-4o*", "llama-*"]


if __name__ == "__main__":
    LIST.write_text(f"{LIST.read_text().split(HEADING, 1)[0]}{HEADING}\n{table().rstrip()}\n")
