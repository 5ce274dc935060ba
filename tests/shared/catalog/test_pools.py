from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.catalog.pools import PoolConfig, Pools, Terms, clashes, split

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def pool(**fields: Any) -> PoolConfig:
    standard = {
        "name": "main",
        "deployments": ["gpt-4o-ptu"],
        "units": 50,
        "per_unit_hour": "1.10",
        "owner": "platform",
        "tokens_per_minute_per_unit": 2_500,
        "output_weight": "4",
    }
    return PoolConfig.model_validate({**standard, **fields})


def test_an_hour_costs_its_units_and_carries_their_tokens() -> None:
    assert pool().terms() == Terms(cost=55 * 10**9, capacity=50 * 2_500 * 60 * 1_000, output_weight=4_000)


def test_output_weighs_more_than_input_and_what_comes_from_the_cache_nothing() -> None:
    terms = pool(output_weight="2.5").terms()

    assert terms.weight({"input_fresh": 10, "input_cached": 1_000, "input_cache_write": 1}) == 11_000
    assert terms.weight({"output_text": 10, "output_reasoning": 2}) == 30_000
    assert terms.weight({"input_fresh": -5}) == 0


def test_whoever_used_a_tenth_pays_a_tenth_and_the_rest_is_idle() -> None:
    shares = split(Terms(cost=1_000, capacity=100, output_weight=1), [10, 30])

    assert (shares.shares, shares.idle) == ((100, 300), 600)


def test_who_used_more_than_there_is_pays_all_and_nothing_is_idle() -> None:
    shares = split(Terms(cost=1_000, capacity=100, output_weight=1), [300, 100])

    assert (shares.shares, shares.idle) == ((750, 250), 0)


def test_an_hour_that_nobody_used_is_idle() -> None:
    assert split(pool().terms(), []).idle == 55 * 10**9


@given(st.integers(0, 10**14), st.integers(1, 10**13), st.lists(st.integers(0, 10**13), max_size=20))
def test_shares_and_idle_are_the_cost_exactly(cost: int, capacity: int, weights: list[int]) -> None:
    shares = split(Terms(cost, capacity, 1_000), weights)

    assert sum(shares.shares) + shares.idle == cost
    assert min((*shares.shares, shares.idle)) >= 0
    used = min(sum(weights), capacity)
    assert abs(shares.idle * max(capacity, sum(weights)) - cost * (capacity - used)) <= max(capacity, sum(weights))


def test_a_pool_is_paid_for_from_its_beginning_until_just_before_its_end() -> None:
    held = pool(effective_from=NOON, effective_to=NOON + timedelta(hours=1))

    assert [held.holds(NOON + timedelta(hours=hours)) for hours in (-1, 0, 1)] == [False, True, False]
    assert pool().holds(NOON)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"name": "second"}, "gpt-4o-ptu is in two pools"),
        ({"deployments": ["other"]}, "main is there twice"),
    ],
)
def test_a_deployment_is_in_one_pool_at_a_time(others: dict[str, Any], message: str) -> None:
    pools = TypeAdapter(Pools)

    with pytest.raises(ValidationError, match=message):
        pools.validate_python([pool(), pool(**others)])
    following = [pool(effective_to=NOON), pool(effective_from=NOON, **others)]
    assert pools.validate_python(following) == tuple(following)


def test_a_deployment_stands_in_its_pool_once() -> None:
    assert [place for place, _ in clashes([pool(deployments=["a", "b", "a"])])] == [(0, "deployments", 2)]


@pytest.mark.parametrize(
    "wrong", [{"units": 0}, {"output_weight": "0"}, {"deployments": []}, {"effective_from": NOON, "effective_to": NOON}]
)
def test_a_pool_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        pool(**wrong)
