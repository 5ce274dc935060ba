"""The score, the weeks and who is behind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sessions.model import Counts
from shared.sessions.score import laggards, score_of, streak, weeks_of
from tests.shared.sessions.traces import NOON, day

TODAY = NOON.date()
AGENTIC: Counts = {"sessions": 2, "agentic": 2, "days": 1, "agent_days": 1, "stretch": 40}
TALKING: Counts = {"sessions": 3, "interactive": 3, "days": 1}


@pytest.mark.parametrize(
    ("counts", "score"),
    [
        ({}, 0),
        (TALKING, 0),
        ({"sessions": 98, "agentic": 98, "days": 20, "agent_days": 20, "stretch": 98 * 20}, 98),
        ({"sessions": 1, "agentic": 1, "days": 1, "agent_days": 1, "stretch": 20}, 33),
        ({"sessions": 8, "agentic": 4, "days": 4, "agent_days": 2, "stretch": 40}, 40),
    ],
)
def test_the_score_is_what_the_formula_says(counts: Counts, score: int) -> None:
    assert score_of(counts) == score


@given(
    st.dictionaries(st.sampled_from(["agentic", "autonomous", "interactive", "stretch"]), st.integers(0, 10**6)),
    st.integers(0, 84),
)
def test_the_score_is_never_beyond_its_ends(told: dict[str, int], days: int) -> None:
    sessions = sum(told.get(name, 0) for name in ("agentic", "autonomous", "interactive"))
    assert 0 <= score_of({**told, "sessions": sessions, "days": days, "agent_days": days}) <= 100


def test_twelve_weeks_are_shown_the_empty_ones_too() -> None:
    weeks = weeks_of([day(0, ana=AGENTIC), day(77, ana=AGENTIC, ben=TALKING)], TODAY)
    assert [week.id for week in weeks] == [f"2026-W{number}" for number in range(36, 48)]
    assert [week.people for week in weeks] == [1, *[0] * 10, 2]
    assert [week.adopters for week in weeks] == [1, *[0] * 10, 1]


def test_weeks_of_one_person_hold_nothing_of_others() -> None:
    weeks = weeks_of([day(77, ana=AGENTIC, ben=TALKING)], TODAY, user="ben")
    assert (weeks[-1].people, weeks[-1].score) == (1, 0)


def test_people_of_the_same_name_in_two_teams_are_two() -> None:
    assert weeks_of([day(77, ana=AGENTIC), day(77, team="other", ana=AGENTIC)], TODAY)[-1].people == 2


def test_the_week_under_way_does_not_break_a_streak() -> None:
    until_last_week = [day(7 * number, ana=AGENTIC) for number in (6, 8, 9, 10)]
    assert streak(weeks_of(until_last_week, TODAY)) == 3
    assert streak(weeks_of([*until_last_week, day(77, ana=AGENTIC)], TODAY)) == 4


def test_who_is_far_below_the_median_is_behind_and_who_is_away_is_not() -> None:
    scores = {"ana": (80, 9), "ben": (75, 9), "cyd": (54, 9), "dan": (56, 9), "eve": (0, 1)}
    assert laggards(scores, 10) == {"cyd"}


def test_nobody_is_behind_nobody() -> None:
    assert laggards({}, 20) == set()
