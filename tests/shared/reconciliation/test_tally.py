"""A fingerprint tells any two sums apart, and that of a sum is the sum of the fingerprints."""

from hypothesis import given
from hypothesis import strategies as st

from shared.ledger.model import add, cells_of
from shared.reconciliation.tally import PRIME, CellIds, Weights
from tests.shared.reconciliation.books import NOON, entry_for

SUMS = st.dictionaries(st.sampled_from(["cost", "requests", "tokens.input_fresh", "a"]), st.integers(-(2**60), 2**60))


@given(parts=st.lists(SUMS, max_size=6))
def test_the_fingerprint_of_a_sum_is_the_sum_of_the_fingerprints(parts: list[dict[str, int]]) -> None:
    weights = Weights()
    assert weights.fingerprint(add(*parts)) == sum(weights.fingerprint(part) for part in parts) % PRIME


@given(one=SUMS, other=SUMS)
def test_other_sums_have_another_fingerprint(one: dict[str, int], other: dict[str, int]) -> None:
    weights = Weights()
    assert (weights.fingerprint(one) == weights.fingerprint(other)) is (add(one) == add(other))


@given(zone=st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York"]), number=st.integers(0, 3))
def test_the_cells_are_those_of_the_ledger(zone: str, number: int) -> None:
    ids, entry = CellIds(zone), entry_for(number, NOON)
    for _ in range(2):
        assert ids.of(entry) == {key.id: key for key in cells_of(entry, zone)}
