"""Nothing is lost where rows are folded, and no row is told in part."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.management.folding import MOST_ROWS, Folding


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(-5, 100)), max_size=150), st.integers(1, 10))
def test_rows_and_rest_are_exact(counted: list[tuple[int, int]], most: int) -> None:
    folding: Folding[int, str] = Folding(lambda key: "even" if key % 2 == 0 else "odd", most=most)
    folding._kept = most  # Rows are folded while others are still read.
    costs: Counter[int] = Counter()
    for key, cost in counted:
        folding.count(key, {"cost": cost, "requests": 1})
        costs[key] += cost
    folding.finish()

    assert len(folding.rows) == min(most, len({key for key, _ in counted}))
    assert all(sums["cost"] == costs[key] for key, sums in folding.rows.items())
    for number, place in enumerate(("even", "odd")):
        folded = {key for key, _ in counted if key % 2 == number} - folding.rows.keys()
        rest = folding.rest.get(place)
        assert (rest.groups if rest else 0) == len(folded)
        assert (rest.sums.get("cost", 0) if rest else 0) == sum(costs[key] for key in folded)


def test_however_many_names_somebody_makes_up_few_are_kept() -> None:
    folding: Folding[int, None] = Folding(lambda _: None)
    folding.count(-1, {"cost": 5, "requests": 1})
    for key in range(10 * MOST_ROWS):
        folding.count(key, {"requests": 1})
        assert len(folding.rows) <= 3 * MOST_ROWS
    folding.finish()

    assert folding.rows[-1]["cost"] == 5
    assert (len(folding.rows), folding.rest[None].groups) == (MOST_ROWS, 9 * MOST_ROWS + 1)
