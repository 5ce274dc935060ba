"""Holds the simulation to the code: both in virtual time, with the same seconds for each call of the store."""

from collections.abc import Iterator

from tests.load.scale import rehearsal
from tests.load.scale.accounts import exchanges
from tests.load.scale.design import Design
from tests.load.scale.ingest import simulate

UNLIMITED = 1e9
OFFERED = 5_000


def simulated(instances: int) -> tuple[float, float]:
    """Events and lost races a second of instances that always find a full delivery, in one partition without limits."""
    design = Design("unlimited", units=UNLIMITED, partition_units=UNLIMITED, most_instances=instances)
    outcome = simulate(design, [1.0], OFFERED, 30.0)
    return outcome.posted, outcome.conflicts


def postings(counts: tuple[int, ...] = (1, 2, 4, 8, 16)) -> Iterator[list[str]]:
    yield ["instances post to one partition", "code: events/s", "simulation", "code: lost races/s", "simulation"]
    for count in counts:
        posted, lost = rehearsal.posting(count)
        events, races = simulated(count)
        yield [str(count), f"{posted:,.0f}", f"{events:,.0f}", f"{lost:.0f}", f"{races:.0f}"]


def reports(counts: tuple[int, ...] = (1, 10, 25, 50, 100, 200)) -> Iterator[list[str]]:
    head = ["code: reports/s", "simulation", "code: lost races/s", "simulation"]
    yield ["instances spend of a new budget", *head, "code: calls turned away at the start"]
    for count in counts:
        done, lost, away = rehearsal.spending(count)
        traffic = exchanges(count, every_s=2.0)
        yield [str(count), f"{done:.1f}", f"{traffic.done:.1f}", f"{lost:.0f}", f"{traffic.lost_races:.0f}", str(away)]
