"""Holds the simulation to the code: both in virtual time, with the same seconds for each call of the store."""

from collections.abc import Iterator

from tests.load.scale import rehearsal
from tests.load.scale.accounts import exchanges
from tests.load.scale.design import Design
from tests.load.scale.ingest import simulate

UNLIMITED = 1e9
OFFERED = 5_000
OPENING_S = 20.0


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
    yield ["instances spend of a budget", "code: reports/s", "simulation", "code: lost races/s", "simulation"]
    for count in counts:
        code, traffic = rehearsal.spending(count), exchanges(count, every_s=2.0)
        yield [
            str(count),
            f"{code.reported:.1f}",
            f"{traffic.done:.1f}",
            f"{code.lost_races:.0f}",
            f"{traffic.lost_races:.0f}",
        ]


def openings(counts: tuple[int, ...] = (2, 30, 100, 150, 200)) -> Iterator[list[str]]:
    """What calls see when a period begins: the code alone, as it is and in a store half as fast."""
    columns = ("turned away", "half wait s", "P95 s", "longest s")
    yield ["instances open a budget together", *columns, *(f"half as fast: {column}" for column in columns)]
    for count in counts:
        line = [str(count)]
        for pace in (1.0, 2.0):
            code = rehearsal.spending(count, OPENING_S, pace)
            waits = (code.waits_s[int(part * len(code.waits_s))] for part in (0.5, 0.95))
            line += [str(code.turned_away), *(f"{wait:.2f}" for wait in waits), f"{code.waits_s[-1]:.2f}"]
        yield line
