"""Calls to build sessions of."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.sessions.features import Tally
from shared.sessions.model import Counts, Day, Label, Session, Step, Verdict
from shared.sessions.runs import Runs

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
"""A Wednesday."""


def step(minutes: float = 0, **more: Any) -> Step:
    at = NOON + timedelta(minutes=minutes)
    known: dict[str, Any] = {
        "id": f"req_{int(minutes * 60_000):012}",
        "duration_ms": 1000,
        "user": "ana",
        "key": "vk_a",
        "agent": "other",
    }
    return Step(at=at, **(known | more))


def runs_of(*steps: Step, time_zone: str = "UTC") -> list[Tally]:
    runs = Runs(time_zone)
    found = [
        tally for each in sorted(steps, key=lambda each: (each.at, each.is_late, each.id)) for tally in runs.add(each)
    ]
    return sorted([*found, *runs.finish()], key=lambda tally: (tally.start, tally.first.id))


def session(
    number: int = 0, label: Label = Label.AGENTIC, user: str | None = "ana", team: str = "research", **more: Any
) -> Session:
    start = NOON + timedelta(hours=number)
    known: dict[str, Any] = {
        "id": f"ses_20261118_{number:012x}_{user or 'service'}", "team": team, "day": start.date(), "start": start, "end": start,
        "user": user, "key": "vk_a", "application": None, "source": "time", "calls": 10, "turns": 2, "tool_calls": 5, "tool_results": 5,
        "longest_stretch": 10, "tokens": 1000, "cost": 7, "models": ("gpt-4o",), "agent": "codex", "work": None, "continues": False,
        "verdict": Verdict(label, 900, {"asked": 100}, 1),
    }  # fmt: skip
    return Session(**(known | more))


def day(number: int, team: str = "research", **people: Counts) -> Day:
    """The n-th day counted from Monday, the 31st of August 2026, twelve weeks before the week of NOON ends."""
    return Day(team, (datetime(2026, 8, 31, tzinfo=UTC) + timedelta(days=number)).date(), people)
