"""What is borrowed at a time follows what is used."""

from hypothesis import given
from hypothesis import strategies as st

from shared.leases.demand import SHARE_OF_REST, Demand
from tests.fakes import FakeClock

PLENTY = 10**6


def test_what_is_used_up_within_a_second_is_borrowed_double() -> None:
    clock = FakeClock()
    demand = Demand(clock, 10)
    for _ in range(4):
        demand.borrowed(PLENTY)
        clock.advance(0.5)

    assert demand.chunk(PLENTY) == 80


def test_what_lasts_long_is_borrowed_by_halves() -> None:
    clock = FakeClock()
    demand = Demand(clock, 10)
    for _ in range(9):
        demand.borrowed(PLENTY)
        clock.advance(5)

    assert demand.chunk(PLENTY) == 1


@given(st.integers(-5, PLENTY), st.integers(0, 10**9))
def test_never_more_than_an_eighth_of_what_is_left(left: int, first: int) -> None:
    assert 0 <= Demand(FakeClock(), first).chunk(left) <= max(0, left // SHARE_OF_REST)
