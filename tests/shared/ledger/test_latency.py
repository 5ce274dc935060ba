import math

from hypothesis import given
from hypothesis import strategies as st

from shared.ledger.latency import MOST_MS, bin_of, quantile, upper_bound
from shared.ledger.model import add

TIMES = st.integers(0, 10**7)


@given(TIMES, TIMES)
def test_a_longer_time_is_never_in_a_lower_bin(one: int, other: int) -> None:
    assert (bin_of(min(one, other))) <= bin_of(max(one, other))


@given(TIMES)
def test_the_bound_of_a_bin_is_at_most_a_quarter_too_high(time: int) -> None:
    bound = upper_bound(bin_of(time))

    assert time <= bound <= time * 1.25
    assert bin_of(bound) == bin_of(time)
    assert bin_of(bound + 1) == bin_of(time) + 1


def test_what_cannot_be_a_time_is_counted_at_the_edge() -> None:
    assert (bin_of(-5), bin_of(10**30)) == (0, bin_of(MOST_MS))


@given(st.lists(TIMES, min_size=1, max_size=50), st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_that_of_the_times_themselves_but_for_the_bin(times: list[int], share: float) -> None:
    sums = add(*({f"latency.{bin_of(time)}": 1, "requests": 1} for time in times))

    exact = sorted(times)[math.ceil(share * len(times)) - 1]
    assert quantile(sums, "latency", share) == upper_bound(bin_of(exact))


def test_nothing_counted_has_no_quantile() -> None:
    assert quantile({"requests": 5, "first_byte.3": 1}, "latency", 0.95) is None
