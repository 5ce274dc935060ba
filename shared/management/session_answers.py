"""Sessions, scores, badges and places as answers show them."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from pydantic import AwareDatetime

from shared.fields import Strict
from shared.management.figures import money
from shared.management.spending_answers import Money
from shared.sessions.leaderboards import Place
from shared.sessions.model import Counts, Label, Session
from shared.sessions.pull_requests import WorkCost
from shared.sessions.score import Week
from shared.sessions.service import TeamRow


class SessionAnswer(Strict):
    """A run of calls and what the classifier of that `version` says; `confidence` is in thousandths. Who leads no team sees no names."""

    id: str
    team: str
    day: date
    start: AwareDatetime
    end: AwareDatetime
    user: str | None
    key: str | None
    application: str | None
    label: str
    confidence: int
    version: int
    calls: int
    turns: int
    tool_calls: int
    longest_stretch: int
    tokens: int
    cost: Money
    models: tuple[str, ...]
    agent: str
    work: str | None


class ClassifiedAnswer(Strict):
    """`unfinished` names the teams that the time did not suffice for; the timer goes on with them."""

    teams: int
    days: int
    sessions: int
    badges: int
    unfinished: tuple[str, ...]


class WeekAnswer(Strict):
    """An ISO week: the score, the people with sessions, and how many of them worked with agents."""

    week: str
    start: date
    score: int
    sessions: int
    people: int
    adopters: int


class PersonAnswer(Strict):
    """The score of the last four weeks, from 0 to 100. `is_behind`: far below the middle of the team. `user` null: not named."""

    user: str | None
    score: int
    sessions: int
    interactive: int
    agentic: int
    autonomous: int
    is_behind: bool


class ScoresAnswer(Strict):
    """`weeks` are the caller's own, or those of the whole team; a week with too few people to hide in is empty."""

    team: str
    people: tuple[PersonAnswer, ...]
    weeks: tuple[WeekAnswer, ...]


class TeamScore(Strict):
    """Nothing but the name and empty weeks where there are too few people to hide in."""

    team: str
    people: int | None
    adopters: int | None
    score: int | None
    is_behind: bool
    weeks: tuple[WeekAnswer, ...]


class TeamScores(Strict):
    teams: tuple[TeamScore, ...]


class PlaceAnswer(Strict):
    rank: int
    team: str
    user: str | None
    score: int


class Leaderboard(Strict):
    """Those alone who want to be seen: people in teams that do, and teams by such people, of whom there must be five."""

    people: tuple[PlaceAnswer, ...]
    teams: tuple[PlaceAnswer, ...]


class BadgeAnswer(Strict):
    user: str
    badge: str
    title: str
    at: AwareDatetime


class BadgesAnswer(Strict):
    badges: tuple[BadgeAnswer, ...]


class WorkAnswer(Strict):
    id: str
    repository: str
    number: int
    merged_at: AwareDatetime | None
    cost: Money
    requests: int


class WorksAnswer(Strict):
    """What merged pull requests have cost; `per_merge` is the average, null where none was merged."""

    currency: str
    per_merge: Money | None
    pull_requests: tuple[WorkAnswer, ...]


class OptedAnswer(Strict):
    scope: str
    takes_part: bool


def session_answer(session: Session, *, named: bool) -> dict[str, Any]:
    plain = ("id", "team", "application", "calls", "turns", "tool_calls", "longest_stretch", "tokens")
    return {
        **{name: getattr(session, name) for name in plain},
        "user": session.user if named else None,
        "key": session.key if named else None,
        "day": session.day.isoformat(),
        "start": session.start.isoformat(),
        "end": session.end.isoformat(),
        "label": session.label.value,
        "confidence": session.verdict.confidence,
        "version": session.verdict.version,
        "cost": money(session.cost),
        "models": list(session.models),
        "agent": session.agent,
        "work": session.work if named else None,
    }


def person_answer(user: str | None, score: int, counts: Counts, *, is_behind: bool) -> dict[str, Any]:
    labels = {label.value: counts.get(label.value, 0) for label in Label}
    return {
        "user": user,
        "score": score,
        "sessions": counts.get("sessions", 0),
        **labels,
        "is_behind": is_behind,
    }


def team_answer(row: TeamRow, weeks: Sequence[Week]) -> dict[str, Any]:
    return {
        "team": row.team,
        "people": row.people,
        "adopters": row.adopters,
        "score": row.score,
        "is_behind": row.is_behind,
        "weeks": [week_answer(week) for week in weeks],
    }


def week_answer(week: Week) -> dict[str, Any]:
    return {
        "week": week.id,
        "start": week.start.isoformat(),
        "score": week.score,
        "sessions": week.counts.get("sessions", 0),
        "people": week.people,
        "adopters": week.adopters,
    }


def place_answer(place: Place) -> dict[str, Any]:
    return {"rank": place.rank, "team": place.team, "user": place.user, "score": place.score}


def work_answer(work: WorkCost) -> dict[str, Any]:
    pull_request = work.pull_request
    return {
        "id": pull_request.id,
        "repository": pull_request.repository,
        "number": pull_request.number,
        "merged_at": pull_request.merged_at.isoformat() if pull_request.merged_at else None,
        "cost": money(work.cost),
        "requests": work.requests,
    }
