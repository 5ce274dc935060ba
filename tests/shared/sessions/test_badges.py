"""Who earns what."""

import pytest

from shared.sessions.badges import BADGES, earned
from shared.sessions.model import Counts
from tests.shared.sessions.traces import NOON, day

TODAY = NOON.date()
AGENTIC: Counts = {
    "sessions": 1,
    "agentic": 1,
    "days": 1,
    "agent_days": 1,
    "stretch": 5,
    "head": 1,
    "tail": 1,
    "best": 1,
}
TALKING: Counts = {"sessions": 1, "interactive": 1, "days": 1}


def _of(user: str, *days: object) -> set[str]:
    return {badge for who, badge in earned(list(days), TODAY) if who == user}  # type: ignore[arg-type]


def test_talk_earns_nothing() -> None:
    assert _of("ana", day(0, ana=TALKING)) == set()


def test_the_first_agentic_session_is_a_first() -> None:
    assert _of("ana", day(3, ana=AGENTIC)) == {"first_agentic_session", "first_mover"}


def test_only_the_first_moves_first() -> None:
    days = [day(3, ana=AGENTIC), day(4, ben=AGENTIC)]
    assert "first_mover" in _of("ana", *days)
    assert "first_mover" not in _of("ben", *days)


def test_ten_in_a_row_over_days() -> None:
    days = [day(number, ana=AGENTIC) for number in range(10)]
    assert "ten_in_a_row" in _of("ana", *days)
    assert "ten_in_a_row" not in _of("ana", *days[:5], day(5, ana=TALKING), *days[6:])


def test_four_weeks_in_a_row() -> None:
    weeks = [day(7 * number, ana=AGENTIC) for number in (8, 9, 10, 11)]
    assert "four_weeks" in _of("ana", *weeks)
    assert "four_weeks" not in _of("ana", *weeks[1:])


def test_a_long_way_without_a_person() -> None:
    often = {**AGENTIC, "sessions": 10, "agentic": 0, "autonomous": 10, "stretch": 250}
    assert {"deep_run", "first_autonomous_session"} <= _of("ana", day(0, ana=often))
    assert "deep_run" not in _of("ana", day(0, ana={**often, "stretch": 249}))


@pytest.mark.parametrize(("size", "winners"), [(9, 0), (10, 1), (19, 1), (20, 2)])
def test_the_best_tenth_needs_a_team_large_enough(size: int, winners: int) -> None:
    people = {f"p{number}": {**AGENTIC, "sessions": number + 1, "agentic": number + 1} for number in range(size)}
    top = [user for user, badge in earned([day(77, **people)], TODAY) if badge == "top_ten_percent"]
    assert len(top) == winners
    assert all(int(user[1:]) >= size - winners for user in top)


def test_every_badge_that_is_earned_is_described() -> None:
    days = [day(number, ana={**AGENTIC, "autonomous": 1, "stretch": 99}) for number in range(84)]
    assert {badge for _, badge in earned(days, TODAY)} <= set(BADGES)
