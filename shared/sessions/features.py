"""Counts a run while its calls go by, and says in figures how it was worked: no list of its calls is kept, however long it is."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import log2
from zoneinfo import ZoneInfo

from shared.sessions.model import Step, Thousandths

QUICK_MS = 10_000
"""A pause in which nobody reads an answer and writes a question."""

AT_ONCE_MS = 2_000
HUMAN_PACE_MS = (5_000, 20 * 60_000)
"""Pauses in which a person can have read and written."""

NIGHT = range(0, 6)
SATURDAY = 5
HEADLESS = frozenset({"codex-exec", "claude-sdk"})
"""Clients that work without somebody in front of them."""

ASSISTANTS = frozenset({
    "codex", "claude-code", "opencode", "roo-code", "cline", "aider", "cursor", "continue", "copilot", "gemini-cli", "qwen-code",
    "goose", "zed",
})  # fmt: skip
"""Clients in which a person directs an agent."""

MOST_LANES, MOST_NAMES = 50, 50
_STATEFUL = "conversation"


@dataclass(slots=True)
class Tally:
    """What is counted of one run. Times are milliseconds; `asked` and `worked` count the calls after the first by what set them off.

    asked: a person said something new. worked: tools answered. fresh: neither shows; a new prompt of unknown origin.
    """

    first: Step
    key: tuple[str, str]
    day: date
    gap: timedelta
    continues: bool = False
    start: datetime = field(init=False)
    end: datetime = field(init=False)
    calls: int = 0
    asked: int = 0
    worked: int = 0
    fresh: int = 0
    turns: int = 0
    tool_calls: int = 0
    tool_results: int = 0
    offered: int = 0
    tokens: int = 0
    cost: int = 0
    quick: int = 0
    overlapping: int = 0
    prompted: int = 0
    human_paced: int = 0
    at_once: int = 0
    off_hours: int = 0
    stretch: int = 0
    longest_stretch: int = 0
    intervals: int = 0
    interval_sum: int = 0
    interval_squares: int = 0
    pauses: Counter[int] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    agents: Counter[str] = field(default_factory=Counter)
    works: Counter[str] = field(default_factory=Counter)
    lanes: dict[tuple[str | None, int], tuple[int, int]] = field(default_factory=dict)
    last_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.start = self.end = self.last_at = self.first.at

    def add(self, step: Step, zone: ZoneInfo) -> None:
        asked, results = self._told(step)
        if self.calls:
            self._note_pause(step, is_prompted=asked is not False)
            self._note_origin(asked)
        else:
            self.turns = 1 if step.turns else 0
        self.stretch = 1 if asked is True or not self.calls else self.stretch + 1
        self.longest_stretch = max(self.longest_stretch, self.stretch)
        self.calls += 1
        self.tool_calls += step.tool_calls
        self.tool_results += results
        self.offered += step.tools > 0
        local = step.at.astimezone(zone)
        self.off_hours += local.hour in NIGHT or local.weekday() >= SATURDAY
        self._note_names(step)
        self.add_usage(step)
        self.last_at = step.at
        self.end = max(self.end, step.at + timedelta(milliseconds=step.duration_ms))

    def add_usage(self, step: Step) -> None:
        self.tokens += step.tokens
        self.cost += step.cost

    def features(self) -> Thousandths:
        """Return the run in figures between 0 and 1000 (documented in docs/explanation/sessions.md)."""
        after, pauses = max(self.calls - 1, 1), max(sum(self.pauses.values()), 1)
        agent = self.agent
        shares = {
            "asked": self.asked / after,
            "worked": self.worked / after,
            "fresh": self.fresh / after,
            "quick": self.quick / pauses,
            "human_pace": self.human_paced / max(self.prompted, 1),
            "at_once": self.at_once / max(self.prompted, 1),
            "stretch": log2(self.longest_stretch) / 6,
            "length": log2(self.calls) / 8,
            "density": max(self.tool_calls, self.tool_results) / self.calls,
            "offered": self.offered / self.calls,
            "overlap": self.overlapping / after,
            "regular": self._regularity(),
            "off_hours": self.off_hours / self.calls,
            "service": 1.0 if self.first.user is None else 0.0,
            "headless": 1.0 if agent in HEADLESS else 0.0,
            "assistant": 1.0 if agent in ASSISTANTS else 0.0,
        }
        return {name: round(1000 * min(share, 1.0)) for name, share in shares.items()}

    @property
    def agent(self) -> str:
        return _most(self.agents) or "other"

    @property
    def work(self) -> str | None:
        return _most(self.works)

    @property
    def median_pause_ms(self) -> int:
        """The upper bound of the bin that the median falls into: at most a quarter too large."""
        left = (sum(self.pauses.values()) + 1) // 2
        for bound in sorted(self.pauses):
            left -= self.pauses[bound]
            if left <= 0:
                return bound
        return 0

    def _told(self, step: Step) -> tuple[bool | None, int]:
        """Return whether a person asked for this call (None: it does not show), and how many results of tools are new in it.

        Prompts repeat what was said before, so what counts is what has grown since the call before it of the same kind.
        """
        turns, results = step.turns or 0, step.tool_results
        if step.previous is not None or step.source == _STATEFUL:
            return (True if turns else False if results else None), results
        lane = (step.model, step.tools)
        before = self.lanes.get(lane)
        if before is not None or len(self.lanes) < MOST_LANES:
            self.lanes[lane] = (turns, results)
        if before is None:
            return None, results if not self.calls else 0
        new = max(results - before[1], 0)
        if turns > before[0]:
            return True, new
        return (False if new else None), new

    def _note_origin(self, asked: bool | None) -> None:
        self.asked += asked is True
        self.turns += asked is True
        self.worked += asked is False
        self.fresh += asked is None

    def _note_pause(self, step: Step, *, is_prompted: bool) -> None:
        pause = round((step.at - self.end) / timedelta(milliseconds=1))
        interval = max(round((step.at - self.last_at) / timedelta(milliseconds=1)), 0)
        self.intervals += 1
        self.interval_sum += interval
        self.interval_squares += interval * interval
        self.overlapping += pause < 0
        self.quick += pause < QUICK_MS
        self.pauses[_bound(max(pause, 0))] += 1
        if is_prompted:
            self.prompted += 1
            self.human_paced += HUMAN_PACE_MS[0] <= pause <= HUMAN_PACE_MS[1]
            self.at_once += pause < AT_ONCE_MS

    def _note_names(self, step: Step) -> None:
        for names, name in ((self.models, step.model), (self.agents, step.agent), (self.works, step.work)):
            if name is not None and (name in names or len(names) < MOST_NAMES):
                names[name] += 1

    def _regularity(self) -> float:
        """1 / (1 + cv²) of the times between calls: 1 for a clock, a half for chance, less for people, who come in bursts."""
        if self.intervals < 4 or not self.interval_sum:
            return 0.0
        return self.interval_sum**2 / (self.intervals * self.interval_squares)


def _bound(pause_ms: int) -> int:
    """Four bins to the octave, named by their upper bounds."""
    if pause_ms < 8:
        return pause_ms
    shift = pause_ms.bit_length() - 3
    return ((pause_ms >> shift) + 1 << shift) - 1


def _most(names: Counter[str]) -> str | None:
    """The name that was seen most often; of several the first in the alphabet."""
    return min(names, key=lambda name: (-names[name], name)) if names else None
