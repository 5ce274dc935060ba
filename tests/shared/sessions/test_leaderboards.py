"""Who did not opt in is not there, and cannot be worked out."""

from hypothesis import given
from hypothesis import strategies as st

from shared.sessions.leaderboards import Place, board_of_people, board_of_teams, may_show
from shared.sessions.model import Counts


def _worth(sessions: int) -> Counts:
    return {"sessions": sessions, "agentic": sessions, "days": 1, "agent_days": 1, "stretch": 20 * sessions}


PEOPLE = {("research", f"p{number}"): _worth(number + 1) for number in range(6)} | {("other", "zoe"): _worth(50)}


def test_both_the_team_and_the_person_must_want_it() -> None:
    assert board_of_people(PEOPLE, {}) == []
    assert [place.user for place in board_of_people(PEOPLE, {"research": {"p1", "p4"}})] == ["p4", "p1"]


def test_ranks_leave_no_gap_where_somebody_hides() -> None:
    assert [place.rank for place in board_of_people(PEOPLE, {"research": {"p0", "p5"}})] == [1, 2]


def test_who_shares_a_score_shares_a_rank() -> None:
    people = {("research", name): _worth(3) for name in "ab"} | {("research", "c"): _worth(1)}
    assert [place.rank for place in board_of_people(people, {"research": set("abc")})] == [1, 1, 3]


def test_a_team_is_shown_by_its_willing_members_when_there_are_enough() -> None:
    five = {f"p{number}" for number in range(5)}
    (place,) = board_of_teams(PEOPLE, {"research": five}, 5)
    assert (place.team, place.user) == ("research", None)
    assert board_of_teams(PEOPLE, {"research": {"p0", "p1", "p2", "p3"}}, 5) == []


def test_a_figure_of_everybody_hides_the_rest_only_in_a_crowd() -> None:
    assert may_show(group=5, known=0, smallest_group=5)
    assert may_show(group=5, known=5, smallest_group=5)
    assert not may_show(group=5, known=4, smallest_group=5)
    assert not may_show(group=4, known=0, smallest_group=5)


@given(st.sets(st.integers(0, 5)), st.integers(0, 5), st.integers(1, 99))
def test_nothing_that_is_shown_depends_on_who_did_not_opt_in(willing: set[int], hidden: int, worth: int) -> None:
    users = {f"p{number}" for number in willing} - {f"p{hidden}"}
    changed = PEOPLE | {("research", f"p{hidden}"): _worth(worth)}

    def shown(people: dict[tuple[str, str], Counts]) -> tuple[list[Place], list[Place]]:
        return board_of_people(people, {"research": users}), board_of_teams(people, {"research": users}, 3)

    assert shown(changed) == shown(PEOPLE)
