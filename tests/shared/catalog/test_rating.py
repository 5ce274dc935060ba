from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.model import NO_PRICE, Charge, Price, PriceConfig, Unpriced
from shared.catalog.rating import Served, served_of, tier_of
from shared.catalog.service import PriceBook, load_book, shipped_prices
from shared.usage.model import Attribution, Outcome, Timings, TokenUsage, Units, Usage, UsageEvent

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SPENT = Usage(TokenUsage(input_fresh=1_000_000))


def price(model: str = "gpt-4o", **fields: Any) -> Price:
    about = {"provider": "azure_openai", "source": "https://prices.example"}
    start = datetime(2025, 1, 1, tzinfo=UTC)
    return Price.model_validate({"model": model, "effective_from": start, "input": "1", **about, **fields})


def served(*models: str | None, **fields: Any) -> Served:
    return Served(fields.pop("provider", "azure_openai"), models or ("gpt-4o",), NOW, **fields)


BOOK = PriceBook(
    [
        price(input="2"),
        price(input="1", tier="batch"),
        price(input="4", tier="priority"),
        price(input="2.2", region="data_zone"),
        price(input="3", provider="openai"),
        price("claude-haiku", input="5", provider="anthropic"),
    ]
)


def dollars(rating: Charge | Unpriced) -> float:
    assert isinstance(rating, Charge)
    return rating.cost / 10**9


@pytest.mark.parametrize(
    ("named", "rate"),
    [(None, 2), ("auto", 2), ("default", 2), ("standard", 2), ("scale", 2), ("batch", 1), ("priority", 4), ("fast", 4)],
)
def test_the_tier_that_the_answer_names_decides(named: str | None, rate: float) -> None:
    assert dollars(BOOK.rate(served(tier=named), SPENT)) == rate


@pytest.mark.parametrize("fields", [{"tier": "flex"}, {"tier": "hyper"}, {"region": "regional"}, {"provider": "xai"}])
def test_no_price_is_borrowed_from_another_tier_region_or_provider(fields: dict[str, str]) -> None:
    assert BOOK.rate(served(**fields), SPENT) == Unpriced("gpt-4o", NO_PRICE)


def test_a_region_that_nobody_names_is_global() -> None:
    assert dollars(BOOK.rate(served(region=None), SPENT)) == dollars(BOOK.rate(served(region="global"), SPENT)) == 2
    assert dollars(BOOK.rate(served(region="data_zone"), SPENT)) == 2.2


def test_the_first_name_that_has_a_price_counts() -> None:
    book = PriceBook([price("real", input="1"), price("listed", input="2"), price("asked", input="3")])

    assert dollars(book.rate(served("real", "listed", "asked"), SPENT)) == 1
    assert dollars(book.rate(served("unheard-of", "listed", "asked"), SPENT)) == 2
    assert dollars(book.rate(served(None, None, "asked"), SPENT)) == 3
    assert book.rate(served("unheard-of", "catalogued", "wished"), SPENT) == Unpriced("catalogued", NO_PRICE)


def test_a_name_in_the_price_list_may_say_whose_prices_count() -> None:
    assert (
        dollars(BOOK.rate(served("claude-haiku", "anthropic/claude-haiku", provider="openai_compatible"), SPENT)) == 5
    )
    compatible = served("gpt-4o-2024-11-20", "openai/gpt-4o", provider="openai_compatible")
    assert dollars(BOOK.rate(compatible, SPENT)) == 3
    assert BOOK.rate(served("meta-llama/gpt-4o"), SPENT) == Unpriced("meta-llama/gpt-4o", NO_PRICE)


@pytest.mark.parametrize("asked", ["openai/gpt-4o", "anthropic/best", "gpt-4o"])
def test_what_a_caller_calls_a_model_never_decides_whose_prices_count(asked: str) -> None:
    own = PriceConfig.model_validate({"model": "gpt-4o", "provider": "azure_openai", "input": "7"})
    book = PriceBook([price(input="2"), price(input="3", provider="openai"), price("x", provider="anthropic")], [own])

    assert dollars(book.rate(served("gpt-4o-2024-11-20", "gpt-4o", asked), SPENT)) == 7
    elsewhere = served("gpt-4o-2024-11-20", "gpt-4o", asked, provider="openai_compatible")
    assert book.rate(elsewhere, SPENT) == Unpriced("gpt-4o", NO_PRICE)


def test_who_has_prices_of_its_own_sells_at_no_other_ones() -> None:
    assert dollars(BOOK.rate(served("gpt-4o-2024-11-20", "openai/gpt-4o"), SPENT)) == 2
    assert BOOK.rate(served(None, "anthropic/claude-haiku"), SPENT) == Unpriced("anthropic/claude-haiku", NO_PRICE)


def test_provisioned_capacity_is_paid_by_the_hour_and_spillover_by_the_token() -> None:
    assert BOOK.rate(served("unheard-of", capacity="provisioned"), SPENT) == Charge(0, "provisioned")
    assert dollars(BOOK.rate(served(capacity="spillover"), SPENT)) == 2


def test_a_call_that_used_nothing_costs_nothing_whatever_it_was() -> None:
    assert BOOK.rate(served(None, tier="hyper"), Usage()) == Charge(0, "nothing")


def test_what_a_cheaper_tier_saved_is_told_and_a_dearer_one_saves_nothing() -> None:
    batch, priority = BOOK.rate(served(tier="batch"), SPENT), BOOK.rate(served(tier="priority"), SPENT)

    assert isinstance(batch, Charge)
    assert isinstance(priority, Charge)
    assert (batch.saved_tier, priority.saved_tier) == (10**9, 0)


def test_a_cheaper_tier_saves_nothing_where_the_ordinary_one_has_no_price() -> None:
    rating = PriceBook([price(tier="flex")]).rate(served(tier="flex"), SPENT)

    assert isinstance(rating, Charge)
    assert rating.saved_tier == 0


def test_an_operators_price_may_be_for_one_provider_one_region_and_one_time() -> None:
    def own(**fields: str) -> PriceConfig:
        return PriceConfig.model_validate({"model": "gpt-4o", "input": "9", **fields})

    def rate(override: PriceConfig, **fields: Any) -> float:
        return dollars(PriceBook([price(input="2")], [override]).rate(served(**fields), SPENT))

    assert rate(own(provider="azure_openai")) == 9
    assert rate(own(provider="openai")) == 2
    assert rate(own(region="data_zone")) == 2
    assert rate(own(region="data_zone"), region="data_zone") == 9
    assert rate(own(effective_from="2026-06-01T00:00:00Z")) == 9
    assert rate(own(effective_from="2026-06-01T00:00:01Z")) == 2
    assert rate(own(effective_to="2026-06-01T00:00:00Z")) == 2


def test_a_usage_event_says_what_was_served() -> None:
    event = UsageEvent(
        id="req_1",
        started_at=NOW,
        endpoint="chat.completions",
        attribution=Attribution("research", "vk_1"),
        status=200,
        outcome=Outcome.COMPLETED,
        usage=SPENT,
        timings=Timings(None, 1),
        requested_model="fast",
        served_model="gpt-4o-2024-11-20",
        catalog_model="gpt-4o",
        provider="azure_openai",
        processing="data_zone",
        service_tier="default",
        capacity="spillover",
    )

    assert served_of(event.to_json()) == Served(
        "azure_openai", ("gpt-4o-2024-11-20", "gpt-4o", "fast"), NOW, "data_zone", "default", "spillover"
    )
    assert tier_of("unheard-of") is None


SHIPPED = [each for each in shipped_prices() if each.effective_from <= NOW and each.effective_to is None]
COUNTS = st.integers(0, 10**7)


@given(st.sampled_from(SHIPPED), COUNTS, COUNTS, COUNTS)
def test_every_price_of_the_shipped_book_is_found_by_what_it_is_for(
    listed: Price, fresh: int, cached: int, made: int
) -> None:
    where = Served(listed.provider, (listed.model,), NOW, listed.region, listed.tier)
    usage = Usage(TokenUsage(input_fresh=fresh, input_cached=cached, output_text=made), Units())

    assert LOADED.price_of(where) == listed
    rating = LOADED.rate(where, usage)
    if isinstance(rating, Charge) and usage != Usage():
        assert rating.cost == listed.cost(usage)
        assert sum(rating.lines.values()) == rating.cost
        assert rating.price == listed.id


LOADED = load_book()
