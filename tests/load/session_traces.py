"""Made-up traces of calls whose labels are known, with noise: what the classifier of sessions is fitted to and measured on."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared.sessions.model import Label, Step

EACH = 30
"""Traces of each kind for one seed."""

_MONDAY = datetime(2026, 10, 5, tzinfo=UTC)


class Trace:
    """Writes the calls of one principal."""

    def __init__(self, random_: random.Random, number: int, *, hours: tuple[int, int], user: bool, agent: str) -> None:
        self.random, self._number = random_, number
        day = random_.randrange(5) if hours[1] - hours[0] < 20 else random_.randrange(7)
        self.at = _MONDAY + timedelta(days=day, hours=random_.uniform(*hours))
        self.steps: list[Step] = []
        self.turns = self.results = 0
        self.tools = 0
        name = f"p{number}"
        self._step = Step(
            id="", at=self.at, duration_ms=0, user=name if user else None, key=f"vk_{name}", agent=agent, model="gpt-x"
        )

    def named(self, source: str = "session-id") -> "Trace":
        self._step = replace(self._step, session=f"s{self._number}", source=source)
        return self

    def wait(self, low_s: float, high_s: float) -> None:
        """A pause, skewed as pauses are: mostly near the low end."""
        self.at += timedelta(seconds=low_s + (high_s - low_s) * self.random.betavariate(1.2, 4))

    def call(
        self, *, took_s: tuple[float, float] = (1, 15), tool_calls: int = 0, apart: bool = False, **more: object
    ) -> None:
        """One call. `apart`: it begins before the one before has ended."""
        took = self.random.uniform(*took_s)
        told = {
            "turns": self.turns,
            "tool_results": self.results,
            "tools": self.tools,
            "tool_calls": tool_calls,
            **more,
        }
        step = replace(
            self._step, id=f"{self._number}-{len(self.steps):05}", at=self.at, duration_ms=round(1000 * took), **told
        )  # type: ignore[arg-type]
        self.steps.append(step)
        self.at += timedelta(seconds=0.05 if apart else took)

    def loop(self, rounds: int, pause_s: tuple[float, float] = (0.2, 8)) -> None:
        """A model that works with tools until it is done."""
        for _ in range(rounds):
            asked = self.random.choice((1, 1, 1, 2, 3))
            self.call(tool_calls=asked, took_s=(1, 25))
            self.results += asked
            self.wait(*pause_s)
        self.call(took_s=(2, 20))


Writer = Callable[[random.Random, int], Trace]


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    label: Label
    write: Writer


def _chat(random_: random.Random, number: int) -> Trace:
    trace = Trace(
        random_,
        number,
        hours=(6, 19),
        user=random_.random() < 0.8,
        agent=random_.choice(("browser", "openai-sdk", "other")),
    )
    if random_.random() < 0.5:
        trace.named(random_.choice(("x-session-id", "metadata", "prompt_cache_key")))
    for _ in range(random_.randint(2, 14)):
        trace.turns += 1
        trace.call(took_s=(2, 20))
        trace.wait(8, 400)
    return trace


def _chat_without_history(random_: random.Random, number: int) -> Trace:
    trace = Trace(
        random_, number, hours=(6, 19), user=True, agent=random_.choice(("browser", "openai-sdk", "curl", "other"))
    )
    trace.turns = 1
    for _ in range(random_.randint(2, 12)):
        trace.call(took_s=(1, 12))
        trace.wait(6, 300)
    return trace


def _chained_chat(random_: random.Random, number: int) -> Trace:
    trace = Trace(random_, number, hours=(6, 19), user=random_.random() < 0.6, agent="openai-sdk")
    trace.turns = 1
    for turn in range(random_.randint(2, 12)):
        trace.call(
            previous=f"resp{number}-{turn - 1}" if turn else None, object_id=f"resp{number}-{turn}", took_s=(2, 20)
        )
        trace.wait(6, 400)
    return trace


def _chat_with_tools(random_: random.Random, number: int) -> Trace:
    """A chat that may look something up: a tool now and then, always on somebody's question."""
    trace = Trace(
        random_,
        number,
        hours=(6, 19),
        user=random_.random() < 0.6,
        agent=random_.choice(("browser", "langchain", "ai-sdk")),
    ).named()
    trace.tools = 2
    for _ in range(random_.randint(3, 12)):
        trace.turns += 1
        if random_.random() < 0.3:
            trace.call(tool_calls=1)
            trace.results += 1
            trace.wait(0.1, 2)
        trace.call(took_s=(2, 15))
        trace.wait(8, 300)
    return trace


def _completion_in_the_editor(random_: random.Random, number: int) -> Trace:
    trace = Trace(
        random_, number, hours=(6, 19), user=True, agent=random_.choice(("copilot", "continue", "zed", "other"))
    )
    trace.turns = 1
    for _ in range(random_.randint(15, 120)):
        trace.call(took_s=(0.2, 1.5))
        trace.wait(0.3, 40)
    return trace


def _retrieval_with_ids(random_: random.Random, number: int) -> Trace:
    trace = Trace(
        random_, number, hours=(6, 19), user=False, agent=random_.choice(("langchain", "llama-index", "openai-sdk"))
    ).named("metadata")
    for _ in range(random_.randint(1, 8)):
        trace.turns += 1
        trace.call(turns=0, took_s=(0.05, 0.3), model="embedding", endpoint="embeddings")
        trace.call(took_s=(2, 12))
        trace.wait(8, 300)
    return trace


def _retrieval_mixed(random_: random.Random, number: int) -> Trace:
    """Many people behind one key and without ids: they cannot be told apart."""
    trace = Trace(
        random_, number, hours=(7, 14), user=False, agent=random_.choice(("langchain", "llama-index", "openai-sdk"))
    )
    pace = random_.uniform(10, 120)
    for _ in range(random_.randint(20, 120)):
        trace.call(turns=0, took_s=(0.05, 0.3), model="embedding", endpoint="embeddings")
        trace.call(turns=random_.randint(1, 6), took_s=(2, 12), apart=random_.random() < 0.2)
        trace.at += timedelta(seconds=random_.expovariate(1 / pace))
    return trace


def _coding_agent(random_: random.Random, number: int) -> Trace:
    """Codex, Claude Code and the like, with a person who answers and asks for more."""
    agent = random_.choice(("codex", "claude-code", "opencode", "roo-code", "cline"))
    trace = Trace(random_, number, hours=(6, 20), user=random_.random() < 0.9, agent=agent)
    if random_.random() < 0.75:
        trace.named()
    trace.tools = random_.randint(6, 25)
    for _ in range(random_.randint(2, 9)):
        trace.turns += 1
        if random_.random() < 0.3:
            trace.call(tools=0, turns=1, tool_results=0, took_s=(0.5, 2), apart=True, model="gpt-small")
        trace.loop(random_.randint(1, 14))
        trace.wait(10, 900)
    return trace


def _chained_agent(random_: random.Random, number: int) -> Trace:
    """An agent on stored responses: each request holds only what is new."""
    trace = Trace(
        random_, number, hours=(6, 20), user=True, agent=random_.choice(("openai-agents", "openai-sdk", "other"))
    )
    trace.tools = random_.randint(3, 12)
    made = 0
    for _ in range(random_.randint(2, 7)):
        for round_ in range(random_.randint(2, 10)):
            is_first = round_ == 0
            trace.call(
                turns=int(is_first), tool_results=0 if is_first else 1, tool_calls=1, object_id=f"resp{number}-{made}",
                previous=f"resp{number}-{made - 1}" if made else None,
            )  # fmt: skip
            made += 1
            trace.wait(0.2, 5)
        trace.wait(15, 600)
    return trace


def _pair_programming(random_: random.Random, number: int) -> Trace:
    """Short loops, much talk."""
    trace = Trace(
        random_, number, hours=(6, 20), user=True, agent=random_.choice(("cursor", "aider", "codex", "other"))
    )
    trace.tools = random_.randint(3, 12)
    for _ in range(random_.randint(4, 15)):
        trace.turns += 1
        trace.loop(random_.randint(1, 4))
        trace.wait(8, 500)
    return trace


def _agent_in_the_pipeline(random_: random.Random, number: int) -> Trace:
    trace = Trace(
        random_,
        number,
        hours=(0, 24),
        user=random_.random() < 0.2,
        agent=random_.choice(("codex-exec", "claude-sdk", "codex-exec", "other")),
    )
    if random_.random() < 0.8:
        trace.named()
    trace.tools, trace.turns = random_.randint(6, 25), random_.randint(1, 2)
    trace.loop(random_.randint(6, 70), (0.1, 5))
    return trace


def _service_agent(random_: random.Random, number: int) -> Trace:
    """An agent of an application: one task after the other."""
    trace = Trace(
        random_,
        number,
        hours=(0, 24),
        user=False,
        agent=random_.choice(("langchain", "openai-agents", "semantic-kernel", "openai-sdk")),
    )
    trace.tools = random_.randint(2, 10)
    for _ in range(random_.randint(2, 10)):
        trace.turns, trace.results = 1, 0
        trace.loop(random_.randint(2, 12), (0.05, 3))
        trace.wait(0.1, 60)
    return trace


def _left_to_itself(random_: random.Random, number: int) -> Trace:
    """Somebody gives one order and goes."""
    trace = Trace(
        random_,
        number,
        hours=(6, 22),
        user=True,
        agent=random_.choice(("codex", "claude-code", "opencode", "codex-exec")),
    ).named()
    trace.tools, trace.turns = random_.randint(6, 25), random_.randint(1, 2)
    trace.loop(random_.randint(30, 150))
    return trace


def _pipeline(random_: random.Random, number: int) -> Trace:
    trace = Trace(
        random_,
        number,
        hours=(0, 24),
        user=random_.random() < 0.15,
        agent=random_.choice(("openai-sdk", "litellm", "langchain", "other")),
    )
    trace.turns = 1
    at_a_time = random_.choice((1, 1, 4, 10))
    for _ in range(random_.randint(20, 300)):
        trace.call(took_s=(0.5, 8), apart=random_.random() < 1 - 1 / at_a_time)
        trace.wait(0, 1.5)
    return trace


def _by_the_clock(random_: random.Random, number: int) -> Trace:
    trace = Trace(random_, number, hours=(0, 24), user=False, agent=random_.choice(("openai-sdk", "curl", "other")))
    trace.turns, every = 1, random_.choice((60, 300, 600, 900))
    for _ in range(random_.randint(6, 40)):
        start = trace.at
        trace.call(took_s=(1, 10))
        trace.at = start + timedelta(seconds=every + random_.uniform(-2, 2))
    return trace


KINDS = (
    Kind("chat", Label.INTERACTIVE, _chat),
    Kind("chat without history", Label.INTERACTIVE, _chat_without_history),
    Kind("chained chat", Label.INTERACTIVE, _chained_chat),
    Kind("chat with tools", Label.INTERACTIVE, _chat_with_tools),
    Kind("completion in the editor", Label.INTERACTIVE, _completion_in_the_editor),
    Kind("retrieval with ids", Label.INTERACTIVE, _retrieval_with_ids),
    Kind("retrieval, mixed", Label.INTERACTIVE, _retrieval_mixed),
    Kind("coding agent", Label.AGENTIC, _coding_agent),
    Kind("chained agent", Label.AGENTIC, _chained_agent),
    Kind("pair programming", Label.AGENTIC, _pair_programming),
    Kind("agent in the pipeline", Label.AUTONOMOUS, _agent_in_the_pipeline),
    Kind("service agent", Label.AUTONOMOUS, _service_agent),
    Kind("left to itself", Label.AUTONOMOUS, _left_to_itself),
    Kind("pipeline", Label.AUTONOMOUS, _pipeline),
    Kind("by the clock", Label.AUTONOMOUS, _by_the_clock),
)


def traces(seed: int, each: int = EACH, noise: float = 1) -> Iterator[tuple[Kind, Sequence[Step]]]:
    """Return labelled traces, with noise: the same for the same seed."""
    random_ = random.Random(seed)
    for number in range(each):
        for place, kind in enumerate(KINDS):
            trace = kind.write(random_, number * len(KINDS) + place)
            yield kind, _with_noise(trace.steps, random_, noise)


def _with_noise(steps: Sequence[Step], random_: random.Random, noise: float) -> list[Step]:
    """Clients that hide what they are, counts that could not be read, calls that are repeated, others that never came."""
    hides_agent, hides_counts = random_.random() < 0.15 * noise, random_.random() < 0.05 * noise
    noisy = []
    for step in steps:
        chance = random_.random()
        if chance < 0.02 * noise and len(steps) > 3:
            continue
        if hides_agent:
            step = replace(step, agent="other")
        if hides_counts or chance > 1 - 0.01 * noise:
            step = replace(step, turns=None, tool_results=0, tool_calls=0)
        noisy.append(step)
        if 0.02 * noise <= chance < 0.04 * noise:
            noisy.append(replace(step, id=f"{step.id}r", at=step.at + timedelta(milliseconds=step.duration_ms + 900)))
    return sorted(noisy, key=lambda step: (step.at, step.id))
