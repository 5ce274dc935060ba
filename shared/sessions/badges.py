"""Badges: what a person can be proud of, earned once and kept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from shared.sessions.model import Badge, Counts, Day, Label
from shared.sessions.score import Week, current, people_of, score_of, streak, weeks_of

BADGES = {
    badge.name: badge
    for badge in (
        Badge("first_agentic_session", "First agentic session", "You directed a model that worked with tools."),
        Badge("first_autonomous_session", "Hands off", "A session ran to its end without you."),
        Badge("ten_in_a_row", "Ten in a row", "Ten sessions one after the other were agentic or autonomous."),
        Badge("four_weeks", "Four weeks", "You worked with agents in four weeks in a row."),
        Badge("deep_run", "Deep run", "Your delegated sessions ran 25 calls without you on average, over ten of them."),
        Badge("top_ten_percent", "Top 10 %", "Your score is among the best tenth of your team."),
        Badge("first_mover", "First mover", "You were the first of your team."),
    )
}
IN_A_ROW, WEEKS_IN_A_ROW, DEEP_RUN, OFTEN = 10, 4, 25, 10
FEWEST = 10
"""People with sessions that a team needs before a tenth of it is anybody."""


def earned(days: Sequence[Day], today: date) -> Iterator[tuple[str, str]]:
    """Yield who has earned what in one team by the days that are known: user and badge."""
    everyone = people_of(days)
    weeks = {user: weeks_of(days, today, user=user) for _, user in everyone}
    for (_, user), counts in everyone.items():
        yield from ((user, badge) for badge in _own(counts, weeks[user]))
    scores = {user: score_of(counts) for (_, user), counts in people_of(current(days, today)).items()}
    yield from ((user, "top_ten_percent") for user in _top(scores))
    yield from ((user, "first_mover") for user in _first(days))


def _own(counts: Counts, weeks: Sequence[Week]) -> Iterator[str]:
    delegated = counts.get(Label.AGENTIC, 0) + counts.get(Label.AUTONOMOUS, 0)
    reached = {
        "first_agentic_session": counts.get(Label.AGENTIC, 0) > 0,
        "first_autonomous_session": counts.get(Label.AUTONOMOUS, 0) > 0,
        "ten_in_a_row": counts.get("best", 0) >= IN_A_ROW,
        "four_weeks": streak(weeks) >= WEEKS_IN_A_ROW,
        "deep_run": delegated >= OFTEN and counts.get("stretch", 0) >= DEEP_RUN * delegated,
    }
    return (badge for badge, is_reached in reached.items() if is_reached)


def _top(scores: Mapping[str, int]) -> Iterable[str]:
    """The best tenth, rounded down; who ties with its last belongs to it."""
    if len(scores) < FEWEST:
        return ()
    least = sorted(scores.values(), reverse=True)[len(scores) // 10 - 1]
    return (user for user, score in scores.items() if score and score >= least)


def _first(days: Iterable[Day]) -> Iterable[str]:
    for day in sorted(days, key=lambda day: day.day):
        if movers := [user for user, counts in day.people.items() if counts.get("agent_days")]:
            return movers
    return ()
