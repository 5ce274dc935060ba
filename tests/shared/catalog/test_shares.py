import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.shares import divided

TOTALS, WEIGHTS = st.integers(0, 10**15), st.lists(st.integers(0, 10**12), min_size=1, max_size=12)


@given(TOTALS, WEIGHTS)
def test_shares_add_up_to_what_was_divided_and_none_is_a_unit_from_the_exact_one(
    total: int, weights: list[int]
) -> None:
    whole = sum(weights)
    if not whole:
        total = 0

    shares = divided(total, weights)

    assert sum(shares) == total
    assert all(share >= 0 for share in shares)
    assert all(
        abs(share * whole - total * weight) < max(whole, 1) for share, weight in zip(shares, weights, strict=True)
    )


@given(TOTALS, st.lists(st.integers(0, 10**6), min_size=1, max_size=8, unique=True))
def test_the_order_of_unequal_weights_does_not_matter(total: int, weights: list[int]) -> None:
    total *= any(weights)
    rests = [total * weight % max(sum(weights), 1) for weight in weights]
    by_weight = dict(zip(weights, divided(total, weights), strict=True))
    turned = dict(zip(weights[::-1], divided(total, weights[::-1]), strict=True))

    if len(set(rests)) == len(rests):
        assert turned == by_weight
    assert sum(turned.values()) == sum(by_weight.values())


def test_what_is_left_goes_to_the_largest_rests_and_of_equal_ones_to_the_first() -> None:
    assert divided(10, [1, 1, 1]) == [4, 3, 3]
    assert divided(10, [50, 26, 24]) == [5, 3, 2]


def test_nothing_to_divide_by_is_a_mistake_unless_there_is_nothing_to_divide() -> None:
    assert divided(0, [0, 0]) == [0, 0]
    with pytest.raises(ValueError, match="nothing to divide by"):
        divided(1, [0])
