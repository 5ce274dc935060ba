"""Who may be seen beside whom: leaderboards of those who want to be on them, and groups that are large enough to hide in.

A person is on a board when both the person and the team have opted in. Ranks are counted among those alone, so that a gap tells
nothing. A team's figure on a board is made of its opted-in members alone, so that no difference leads to anybody else.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from shared.sessions.counting import joined
from shared.sessions.model import Counts
from shared.sessions.score import score_of

Person = tuple[str, str]
"""Team and user."""


@dataclass(frozen=True, slots=True)
class Place:
    """Who shares a score shares a rank."""

    rank: int
    team: str
    user: str | None
    score: int


def board_of_people(people: Mapping[Person, Counts], opted_in: Mapping[str, Collection[str]]) -> list[Place]:
    """Rank the people who have opted in, in teams that have: `opted_in` holds those teams alone."""
    return _ranked(
        (team, user, score_of(counts)) for (team, user), counts in people.items() if user in opted_in.get(team, ())
    )


def board_of_teams(
    people: Mapping[Person, Counts], opted_in: Mapping[str, Collection[str]], smallest_group: int
) -> list[Place]:
    """Rank the teams that have opted in, each by its opted-in members, of whom there must be enough."""
    found = []
    for team, users in opted_in.items():
        members = [counts for (home, user), counts in people.items() if home == team and user in users]
        if len(members) >= smallest_group:
            found.append((team, None, score_of(joined(*members))))
    return _ranked(found)


def may_show(group: int, known: int, smallest_group: int) -> bool:
    """Whether a figure of a whole group may be shown to people among whom the scores of `known` members stand on a board.

    The others are a group too, which the difference would show: there must be none of them, or enough.
    """
    return group >= smallest_group and (group == known or group - known >= smallest_group)


def _ranked(scores: Iterable[tuple[str, str | None, int]]) -> list[Place]:
    ordered = sorted(scores, key=lambda each: (-each[2], each[0], each[1] or ""))
    places: list[Place] = []
    for position, (team, user, score) in enumerate(ordered, start=1):
        rank = places[-1].rank if places and places[-1].score == score else position
        places.append(Place(rank, team, user, score))
    return places
