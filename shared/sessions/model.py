"""A session: a run of related calls of one principal, and what the classifier says of it. Never a word of what was said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from shared.fields import SecretRef, Strict

CONTAINER = "sessions"
"""Sessions and days in partitions by team; settings, pull requests and deliveries of webhooks in partitions of their own."""

Thousandths = Mapping[str, int]


class Label(StrEnum):
    """INTERACTIVE: a person asks, the model answers. AGENTIC: a person directs a model that works with tools.

    AUTONOMOUS: nobody takes part once it has begun.
    """

    INTERACTIVE = "interactive"
    AGENTIC = "agentic"
    AUTONOMOUS = "autonomous"


DELEGATED = (Label.AGENTIC, Label.AUTONOMOUS)
"""What counts as work with agents."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call as part of a run: the usage event without what no session asks for. `cost` is in nano-units."""

    id: str
    at: datetime
    duration_ms: int
    user: str | None
    key: str
    application: str | None = None
    endpoint: str = ""
    model: str | None = None
    session: str | None = None
    source: str | None = None
    previous: str | None = None
    object_id: str | None = None
    agent: str | None = None
    turns: int | None = None
    tools: int = 0
    tool_results: int = 0
    tool_calls: int = 0
    tokens: int = 0
    cost: int = 0
    work: str | None = None
    is_late: bool = False

    @property
    def principal(self) -> str:
        """A person where one is known, else the key."""
        return f"user:{self.user}" if self.user else f"key:{self.key}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the classifier of one version says. `confidence` and `features` are in thousandths."""

    label: Label
    confidence: int
    features: Thousandths = field(default_factory=dict)
    version: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """`id` is made of the team, the principal and the first call, so that who finds the session again finds the same id.

    `turns` are the turns of people seen in it, `longest_stretch` the most calls in a row without one. `work` is the tag of the pull
    request or branch that most of the calls named. `continues` says that the day's turn cut it off from an earlier one.
    """

    id: str
    team: str
    day: date
    start: datetime
    end: datetime
    user: str | None
    key: str
    application: str | None
    source: str
    calls: int
    turns: int
    tool_calls: int
    tool_results: int
    longest_stretch: int
    tokens: int
    cost: int
    models: tuple[str, ...]
    agent: str
    work: str | None
    continues: bool
    verdict: Verdict

    @property
    def label(self) -> Label:
        return self.verdict.label


Counts = Mapping[str, int]
"""What is counted of a person, a team or an application in some time, by name; money in nano-units."""


@dataclass(frozen=True, slots=True)
class Day:
    """The sessions of one team that began on one working day, counted by person; `services` are callers without a person.

    `entries` is how many entries of the ledger there were when it was counted, and `at` when that was.
    """

    team: str
    day: date
    people: Mapping[str, Counts] = field(default_factory=dict)
    services: Counts = field(default_factory=dict)
    entries: int = 0
    at: datetime | None = None

    def count(self, label: Label) -> int:
        """How many of its sessions have this label."""
        return sum(counts.get(label.value, 0) for counts in (*self.people.values(), self.services))


@dataclass(frozen=True, slots=True)
class Badge:
    name: str
    title: str
    told: str


@dataclass(frozen=True, slots=True)
class Achievement:
    """A badge that a person has earned, for good."""

    user: str
    badge: str
    at: datetime


class SessionsConfig(Strict):
    """`smallest_group`: fewer people than this are never shown as a group. `laggard_points`: how far below the median is far."""

    github_secret: SecretRef | None = None
    smallest_group: Annotated[int, Field(ge=3, le=100)] = 5
    laggard_points: Annotated[int, Field(ge=1, le=100)] = 20
