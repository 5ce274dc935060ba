"""How a run shows how it was worked."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.shared.sessions.traces import runs_of, step


def test_a_prompt_that_grows_by_a_turn_was_asked_for_by_a_person() -> None:
    (tally,) = runs_of(*(step(minute, turns=minute + 1) for minute in range(5)))
    assert (tally.turns, tally.asked, tally.worked, tally.fresh) == (5, 4, 0, 0)
    assert tally.features()["asked"] == 1000


def test_a_prompt_that_grows_by_results_of_tools_was_not() -> None:
    (tally,) = runs_of(*(step(minute / 10, turns=1, tools=5, tool_results=minute, tool_calls=1) for minute in range(5)))
    assert (tally.turns, tally.worked, tally.tool_results, tally.tool_calls) == (1, 4, 4, 5)
    assert tally.longest_stretch == 5


def test_a_person_who_speaks_ends_the_stretch() -> None:
    told = [(1, 0), (1, 1), (1, 2), (2, 2), (2, 3)]
    (tally,) = runs_of(
        *(step(at, turns=turns, tool_results=results, tools=3) for at, (turns, results) in enumerate(told))
    )
    assert tally.longest_stretch == 3


def test_the_call_that_makes_up_a_title_does_not_confuse_the_count() -> None:
    main = [step(at, turns=at + 1, tools=20) for at in range(4)]
    titles = [step(at + 0.5, turns=1, model="small") for at in range(4)]
    (tally,) = runs_of(*main, *titles)
    assert tally.asked == 3


def test_continued_responses_hold_only_what_is_new() -> None:
    first = step(0, object_id="r0", turns=1)
    tool = step(0.1, previous="r0", object_id="r1", turns=0, tool_results=2)
    person = step(2, previous="r1", object_id="r2", turns=1)
    (tally,) = runs_of(first, tool, person)
    assert (tally.worked, tally.asked, tally.tool_results) == (1, 1, 2)


def test_calls_by_the_clock_are_regular_and_those_of_people_are_not() -> None:
    (clock,) = runs_of(*(step(minute) for minute in range(20)))
    (person,) = runs_of(*(step(minute) for minute in (0, 0.1, 0.2, 9, 9.1, 9.3, 25, 25.2)))
    assert clock.features()["regular"] > 990
    assert person.features()["regular"] < 400


def test_calls_that_overlap_are_seen() -> None:
    (tally,) = runs_of(*(step(at / 100, duration_ms=60_000) for at in range(5)))
    assert tally.features()["overlap"] == 1000


def test_the_median_pause_is_at_most_a_quarter_too_long() -> None:
    (tally,) = runs_of(*(step(minute, duration_ms=0) for minute in range(10)))
    assert 60_000 <= tally.median_pause_ms <= 75_000


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 5), st.integers(0, 9)), min_size=1, max_size=20))
def test_features_are_shares(told: list[tuple[int, int, int]]) -> None:
    steps = [
        step(0, id=f"{number:03}", turns=turns, tool_results=results, tool_calls=results)
        for number, (_, turns, results) in enumerate(told)
    ]
    for tally in runs_of(*steps):
        assert all(0 <= share <= 1000 for share in tally.features().values())
        assert tally.end - tally.start >= timedelta()
