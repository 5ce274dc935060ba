"""Makes sessions of counted runs, and days of sessions."""

from collections.abc import Iterable, Sequence
from datetime import date
from hashlib import sha256

from shared.sessions.classify import classify
from shared.sessions.features import Tally
from shared.sessions.model import DELEGATED, Counts, Day, Session

MODELS = 10
ORDERED = ("sessions", "head", "tail", "best")
"""Counts that depend on the order: how long the runs of delegated sessions at the beginning, at the end and at their best are."""


def session_of(team: str, tally: Tally) -> Session:
    """Return the session that a run is. The id sorts by day and time, and names the same run again."""
    first = tally.first
    digest = sha256("\n".join((team, *tally.key, first.id)).encode("utf-8", "replace")).hexdigest()[:16]
    return Session(
        id=f"{day_prefix(tally.day)}{int(tally.start.timestamp() * 1000):012x}_{digest}",
        team=team,
        day=tally.day,
        start=tally.start,
        end=tally.end,
        user=first.user,
        key=first.key,
        application=first.application,
        source=first.source or ("previous" if first.previous else "time"),
        calls=tally.calls,
        turns=tally.turns,
        tool_calls=tally.tool_calls,
        tool_results=tally.tool_results,
        longest_stretch=tally.longest_stretch,
        tokens=tally.tokens,
        cost=tally.cost,
        models=tuple(sorted(tally.models, key=lambda name: (-tally.models[name], name))[:MODELS]),
        agent=tally.agent,
        work=tally.work,
        continues=tally.continues,
        verdict=classify(tally.features(), tally.calls),
    )


def day_prefix(day: date) -> str:
    return f"ses_{day:%Y%m%d}_"


def day_of_sessions(team: str, day: date, sessions: Iterable[Session]) -> Day:
    """Count the sessions of a day by person; those of callers without a person together."""
    by_person: dict[str, list[Session]] = {}
    services: list[Session] = []
    for session in sorted(sessions, key=lambda session: session.id):
        (services if session.user is None else by_person.setdefault(session.user, [])).append(session)
    return Day(
        team, day, {user: _counts(own) for user, own in by_person.items()}, _counts(services) if services else {}
    )


def joined(*parts: Counts) -> dict[str, int]:
    """Return the counts of days that follow one another; runs of delegated sessions go on from one to the next."""
    total: dict[str, int] = {}
    for part in parts:
        ordered = _ordered(total, part)
        for name, number in part.items():
            total[name] = total.get(name, 0) + number
        total |= ordered
    return {name: number for name, number in total.items() if number}


def _counts(sessions: Sequence[Session]) -> dict[str, int]:
    """What the day's turn cut off is no session of its own, but its calls and cost count."""
    parts = [_count(session) for session in sessions]
    total = joined(*parts)
    total |= {"days": 1} | ({"agent_days": 1} if any(session.label in DELEGATED for session in sessions) else {})
    return total


def _count(session: Session) -> dict[str, int]:
    own = {
        "calls": session.calls,
        "turns": session.turns,
        "tool_calls": session.tool_calls,
        "tokens": session.tokens,
        "cost": session.cost,
        f"cost.{session.label}": session.cost,
    }
    if session.continues:
        return own
    is_delegated = int(session.label in DELEGATED)
    ordered = {"sessions": 1, "head": is_delegated, "tail": is_delegated, "best": is_delegated}
    return own | ordered | {session.label.value: 1, "stretch": session.longest_stretch * is_delegated}


def _ordered(before: Counts, after: Counts) -> dict[str, int]:
    """Two sequences one after the other: the run at the seam may be the longest."""
    a, b = ({name: part.get(name, 0) for name in ORDERED} for part in (before, after))
    return {
        "head": a["head"] + (b["head"] if a["head"] == a["sessions"] else 0),
        "tail": b["tail"] + (a["tail"] if b["tail"] == b["sessions"] else 0),
        "best": max(a["best"], b["best"], a["tail"] + b["head"]),
    }
