"""What can be drawn on by many instances at once, and how a refusal to draw is told."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from shared.windows import WindowRule


@dataclass(frozen=True, slots=True)
class Smooth:
    """Refills all the time: over any stretch of t seconds at most `limit * (1 + t / seconds)` go through."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Held:
    """Counts what is out at this moment and comes back, such as calls under way."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most `limit` whole units for everybody together; None counts and never refuses.

    `name` is the counter's identity across instances: the scope and the rule. Changing the limit keeps what is counted.
    """

    name: str
    limit: int | None
    rule: WindowRule | Smooth | Held


class Exhausted(Exception):
    """There is not enough left. `retry_after_s` is when there may be again, `remaining` what is left now."""

    def __init__(self, allowance: Allowance, remaining: int, retry_after_s: float) -> None:
        super().__init__(allowance.name)
        self.allowance = allowance
        self.remaining = remaining
        self.retry_after_s = retry_after_s


class Level(NamedTuple):
    """What this instance knows of an allowance in the current window: `used` by everybody, as of the last look, and by itself since.

    `leased` is what instances hold and have not used. `resets_at` is the window's end, for Smooth the time when all is refilled.
    """

    used: int
    leased: int
    limit: int | None
    resets_at: datetime | None

    @property
    def remaining(self) -> int | None:
        return None if self.limit is None else max(0, self.limit - self.used)
