"""What is varied in the simulation, and what it finds."""

from dataclasses import dataclass, field

from tests.load.scale.facts import PARTITION_UNITS


@dataclass(frozen=True, slots=True)
class Design:
    """How the ledger is laid out, and by default as it is today. `units` are the RU/s of the container; `shards` the partitions of a team
    and month.

    `least_batch` messages are waited for up to `wait_s`. With `sessions` each partition's messages go to one instance at a time, and
    an instance has so many of them at once. `looks_up_entries`: after any conflict it is read what of a chunk is posted already. The times
    that are assumed are multiplied by `pace`.
    """

    name: str
    units: float = 10_000
    shards: int = 1
    batch: int = 500
    most_instances: int = 100
    credits: float | None = None
    partition_units: float = PARTITION_UNITS.value
    least_batch: int = 100
    wait_s: float = 10.0
    sessions: int = 0
    looks_up_entries: bool = False
    pace: float = 1.0


@dataclass(slots=True)
class Outcome:
    """What became of the load, over the second half of the run. Ages in seconds."""

    offered: float
    posted: float = 0.0
    oldest_s: float = 0.0
    ages: list[float] = field(default_factory=list)
    conflicts: float = 0.0
    throttled: float = 0.0
    units: float = 0.0
    instances: float = 0.0
    deliveries: float = 0.0

    @property
    def keeps_up(self) -> bool:
        return self.posted >= 0.96 * self.offered and self.oldest_s < 10

    @property
    def p95_s(self) -> float:
        ages = sorted(self.ages)
        return ages[int(0.95 * len(ages))] if ages else 0.0
