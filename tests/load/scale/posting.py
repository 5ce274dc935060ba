"""What a posting costs: chunks of at most a hundred operations, as shared/ledger/batch.py makes them, and their request units."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.load.scale.facts import UNITS_PER_WRITE

OPERATIONS = 100
PER_EVENT = 2
"""The event and its entry."""

SHARED = 4
"""The head, and the totals of hour, day and month."""

PER_COMBINATION = 3
"""The cells in detail of hour, day and month."""

COMBINATIONS = 20
"""Users, models and keys of a team whose events share no cells. Assumed."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Events of one partition that are posted together, and how many writes that is."""

    events: int
    writes: int

    @property
    def units(self) -> float:
        return self.writes * UNITS_PER_WRITE.value


def chunks(events: int, combinations: int) -> Iterator[Chunk]:
    """Divide events of so many different combinations of dimensions. Those that share cells stand together."""
    combinations = max(1, min(events, combinations))
    per_event = PER_EVENT + PER_COMBINATION * combinations / events
    most = max(1, int((OPERATIONS - SHARED) / per_event))
    while events > 0:
        taken = min(events, most)
        yield Chunk(taken, round(SHARED + taken * per_event))
        events -= taken


def units_per_event(delivery: float, shares: Sequence[float], combinations: int = COMBINATIONS) -> float:
    """RU of an event, in deliveries of some size from partitions of unequal shares: what is expected to stand together shares cells."""
    writes = 0.0
    for share in shares:
        writes += SHARED * (1 - (1 - share) ** delivery) + PER_EVENT * delivery * share
        writes += PER_COMBINATION * combinations * (1 - (1 - share / combinations) ** delivery)
    return writes * UNITS_PER_WRITE.value / delivery


def distinct(events: int, combinations: int) -> int:
    """How many of so many equally likely combinations are expected among some events."""
    return max(1, round(combinations * (1 - (1 - 1 / combinations) ** events)))
