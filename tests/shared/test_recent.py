"""What is remembered beyond a number is forgotten, the oldest first."""

from hypothesis import given
from hypothesis import strategies as st

from shared.recent import Recent


@given(st.integers(1, 5), st.lists(st.integers(0, 9)))
def test_the_latest_are_kept_in_the_order_in_which_they_were_remembered(most: int, keys: list[int]) -> None:
    recent: Recent[int, int] = Recent(most)

    for place, key in enumerate(keys):
        recent.remember(key, place)

    latest = list(dict.fromkeys(reversed(keys)))[:most]
    assert list(reversed(recent)) == latest
    assert all(keys[place] == key for key, place in recent.items())


def test_what_is_used_again_counts_as_new() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.remember("a", 1)
    recent.remember("b", 2)

    recent.move_to_end("a")
    recent.remember("c", 3)

    assert list(recent) == ["a", "c"]
