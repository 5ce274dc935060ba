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

from shared.catalog.model import Price, PriceConfig, Rates
from shared.catalog.service import PriceBook

ROOT = Path(__file__).parents[2]
LISTED = ROOT / "shared" / "catalog" / "data" / "prices.json"
PAGE = ROOT / "docs" / "reference" / "prices.md"

ENTRIES = orjson.loads(LISTED.read_bytes())
PRICES = TypeAdapter(tuple[Price, ...]).validate_python(ENTRIES)
HEADING = "\n## Prices in the book\n"
COLUMNS = {
    "input": "input",
    "cached_input": "cached",
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


def name_of(price: Price) -> str:
    return f"{price.model} from {price.effective_from:%Y-%m-%d}"


def table() -> str:
    """The price list as the reference shows it."""
    lines = [
        f"| model | {' | '.join(COLUMNS.values())} | by the unit | in effect | source | reviewed |",
        f"|{'---|' * (len(COLUMNS) + 5)}",
    ]
    for price in PRICES:
        rates = price.named()
        per_token = [f"{rates[name]}" if name in rates else "" for name in COLUMNS]
        per_unit = ", ".join(f"{rates[name]} {unit}" for name, unit in PER_UNIT.items() if name in rates)
        until = f" to {price.effective_to:%Y-%m-%d}" if price.effective_to else ""
        reviewed = f"{price.reviewed:%Y-%m-%d}" if price.reviewed else "not yet"
        cells = [f"`{price.model}`", *per_token, per_unit, f"{price.effective_from:%Y-%m-%d}{until}"]
        lines.append(f"| {' | '.join([*cells, f'[{source_name(price)}]({price.source})', reviewed])} |")
    notes = [f"- `{price.model}`: {price.note}" for price in PRICES if price.note]
    return "\n".join([*lines, "", *notes, ""])


def source_name(price: Price) -> str:
    return "Azure" if "azure.microsoft.com" in price.source else "OpenAI"


def test_no_moment_has_two_prices() -> None:
    assert PriceBook(PRICES).find("gpt-4o", PRICES[0].effective_from) is not None


def test_a_price_that_was_followed_ended_when_the_next_began() -> None:
    series: dict[tuple[str, str, str], list[Price]] = {}
    for price in PRICES:
        series.setdefault((price.model, price.region, price.tier), []).append(price)

    followed = [pair for prices in series.values() for pair in pairwise(prices)]
    assert followed
    assert all(before.effective_to == after.effective_from for before, after in followed)


def test_money_is_written_as_text_and_every_entry_says_all_there_is_to_say() -> None:
    always = {
        "provider", "model", "region", "tier", "currency", "effective_from", "effective_to", "source", "reviewed",
    }  # fmt: skip
    for entry in ENTRIES:
        assert always <= set(entry), entry["model"]
        assert {type(entry[name]) for name in Rates.model_fields if name in entry} == {str}, entry["model"]


@pytest.mark.parametrize("price", PRICES, ids=name_of)
def test_every_price_can_be_checked_by_a_reader(price: Price) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", price.model)
    assert re.fullmatch(r"https://(developers\.openai\.com|azure\.microsoft\.com)/\S+", price.source)
    assert price.reviewed is None or price.reviewed >= date(2026, 1, 1)
    assert price.currency == "USD"


@pytest.mark.parametrize("price", PRICES, ids=name_of)
def test_prices_are_not_a_thousand_times_too_high_or_too_low(price: Price) -> None:
    per_million = [rate for name, rate in price.named().items() if name in COLUMNS]

    assert all(Decimal("0.001") <= rate <= 200 for rate in per_million)
    assert price.per_image is None or Decimal("0.001") <= price.per_image < 1
    assert price.per_audio_minute is None or Decimal("0.0005") <= price.per_audio_minute < 1


@pytest.mark.parametrize("price", PRICES, ids=name_of)
def test_the_cache_is_cheaper_than_what_is_new_and_output_dearer(price: Price) -> None:
    if price.input is not None:
        assert price.cached_input is None or price.cached_input < price.input
        assert price.output is None or price.output > price.input
        assert price.image_input is None or price.image_input >= price.input


def test_the_reference_shows_the_prices_of_the_book() -> None:
    assert PAGE.read_text().split(HEADING, 1)[1].strip() == table().strip()


def test_the_reference_explains_every_field() -> None:
    fields = PAGE.read_text().split(HEADING, 1)[0]

    explained = set(re.findall(r"^\| `(\w+)` \|", fields, re.MULTILINE))
    assert explained == set(Price.model_fields)


def test_the_example_of_an_override_is_one() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)

    overrides = TypeAdapter(tuple[PriceConfig, ...]).validate_python(yaml.safe_load(example)["prices"])
    assert [override.model for override in overrides] == ["gpt-4o", "gpt-4o*", "llama-*"]


if __name__ == "__main__":
    PAGE.write_text(f"{PAGE.read_text().split(HEADING, 1)[0]}{HEADING}\n{table()}")
