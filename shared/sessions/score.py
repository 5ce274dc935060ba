"""The agentic score of a person or a team, and how it goes from week to week."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from shared.sessions.counting import joined
from shared.sessions.model import Counts, Day, Label

WEEKS = 12
CURRENT_WEEKS = 4
"""The score of today looks at the last four weeks, the one under way included."""

SHARE, BREADTH, DEPTH = 50, 30, 20
DEEP = 20
"""Calls in a row without a person that count as full depth."""

DOUBT = 2
FEWEST_SESSIONS = 5
"""Nobody is called behind for less."""


@dataclass(frozen=True, slots=True)
class Week:
    """An ISO week: `counts` of the sessions of people, how many `people` had any and how many worked with agents, and the score."""

    id: str
    start: date
    counts: Counts
    people: int
    adopters: int
    score: int


def score_of(counts: Counts) -> int:
    """Return the score from 0 to 100.

    50 points for the share of sessions that are agentic or autonomous, 30 for the share of active days with such a session, 20 for
    how long the model works on its own in them (20 calls in a row on average are all of it); times s / (s + 2) for s sessions, so
    that few say little.
    """
    sessions = counts.get("sessions", 0)
    if not sessions:
        return 0
    delegated = counts.get(Label.AGENTIC, 0) + counts.get(Label.AUTONOMOUS, 0)
    share = delegated / sessions
    breadth = counts.get("agent_days", 0) / max(counts.get("days", 0), 1)
    depth = min(counts.get("stretch", 0) / (DEEP * max(delegated, 1)), 1.0)
    return round((SHARE * share + BREADTH * breadth + DEPTH * depth) * sessions / (sessions + DOUBT))


def weeks_of(days: Iterable[Day], today: date, weeks: int = WEEKS, user: str | None = None) -> list[Week]:
    """Return the last weeks, the oldest first, of everybody in the days or of one person. Weeks without sessions are there as well."""
    this_week = monday_of(today)
    found: dict[date, list[Day]] = {this_week - timedelta(weeks=back): [] for back in reversed(range(weeks))}
    for day in sorted(days, key=lambda day: (day.day, day.team)):
        if (home := found.get(monday_of(day.day))) is not None:
            home.append(day)
    return [_week(start, within, user) for start, within in found.items()]


def people_of(days: Iterable[Day]) -> dict[tuple[str, str], dict[str, int]]:
    """Return what each person (team, user) did in some days."""
    people: dict[tuple[str, str], dict[str, int]] = {}
    for day in sorted(days, key=lambda day: day.day):
        for user, counts in day.people.items():
            person = (day.team, user)
            people[person] = joined(people.get(person, {}), counts)
    return people


def current(days: Iterable[Day], today: date) -> list[Day]:
    """Return the days that the score of today looks at."""
    first = monday_of(today) - timedelta(weeks=CURRENT_WEEKS - 1)
    return [day for day in days if first <= day.day <= today]


def streak(weeks: Sequence[Week]) -> int:
    """Return how many weeks in a row had an agentic or autonomous session. The week under way cannot break it yet."""
    marks = [week.adopters > 0 for week in weeks]
    if marks and not marks[-1]:
        marks.pop()
    length = 0
    while length < len(marks) and marks[-1 - length]:
        length += 1
    return length


def laggards[Who](scores: Mapping[Who, tuple[int, int]], points: int) -> set[Who]:
    """Return who is more than so many points below the median. `scores` holds score and number of sessions.

    Who has hardly any sessions is not behind but absent, and takes no part in the median.
    """
    active = {who: score for who, (score, sessions) in scores.items() if sessions >= FEWEST_SESSIONS}
    if not active:
        return set()
    middle = median(active.values())
    return {who for who, score in active.items() if score < middle - points}


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _week(start: date, days: Sequence[Day], user: str | None) -> Week:
    people = {who: counts for who, counts in people_of(days).items() if user in (None, who[1])}
    counts = joined(*people.values())
    adopters = sum(1 for counts in people.values() if counts.get("agent_days"))
    year, week, _ = start.isocalendar()
    return Week(f"{year}-W{week:02}", start, counts, len(people), adopters, score_of(counts))
