"""Offers the ledger more and more, design by design, and finds where each stops keeping up."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tests.load.scale.accounts import exchanges
from tests.load.scale.design import Design, Outcome
from tests.load.scale.ingest import simulate
from tests.load.scale.settings import zipf

RATES = (100, 200, 250, 300, 400, 500, 600, 800, 1_000, 1_500, 2_000, 3_000, 4_000)
ENOUGH = 200_000
"""RU/s, so that the container as a whole is not what is too small."""

DEPLOYED = Design("today, as prod is deployed")
TODAY = Design("today", units=ENOUGH)
BEFORE_DEPLOYED = Design("before, as prod is deployed", batch=100, least_batch=1, wait_s=0.0, looks_up_entries=True)
BEFORE = replace(BEFORE_DEPLOYED, name="before", units=ENOUGH)
"""Until 2026-11-21: deliveries of up to a hundred, nothing was waited for, and each lost race looked for what was posted."""

SESSIONS = replace(TODAY, name="sessions", sessions=8)
DESIGNS = (
    BEFORE_DEPLOYED,
    DEPLOYED,
    replace(DEPLOYED, name="today, prod with 20,000 RU/s", units=20_000),
    replace(DEPLOYED, name="today, prod with 40,000 RU/s", units=40_000),
    BEFORE,
    replace(BEFORE, name="before, deliveries of up to 500", batch=500),
    replace(BEFORE, name="before, no look after a lost race", looks_up_entries=False),
    TODAY,
    replace(TODAY, name="today, without waiting for 100", least_batch=1, wait_s=0.0),
    replace(TODAY, name="today, with at most 10 instances", most_instances=10),
    replace(TODAY, name="4 shards", shards=4),
    replace(TODAY, name="16 shards", shards=16),
    SESSIONS,
    replace(TODAY, name="4 shards and sessions", shards=4, sessions=8),
    replace(TODAY, name="16 shards and sessions", shards=16, sessions=8),
)
FEW = replace(DEPLOYED, name="today, prod with at most 10 instances", most_instances=10)
OVERRUN = (BEFORE_DEPLOYED, DEPLOYED, FEW, TODAY)
TEAMS = {"one team": [1.0], "200 teams": zipf(200)}
SENSITIVE = ((TODAY, "one team"), (DEPLOYED, "200 teams"), (DESIGNS[-1], "one team"))
PACES = (0.5, 1.0, 2.0)
INSTANCES = (10, 25, 50, 100, 150, 200, 300, 500, 1_000)
BURST = (1_000.0, 30.0)
BAR = 30


def curve(design: Design, shares: Sequence[float], rates: Sequence[int] = RATES) -> list[Outcome]:
    """Outcomes until the third rate that is too much: it does not get better from there."""
    outcomes: list[Outcome] = []
    for rate in rates:
        outcomes.append(simulate(design, shares, rate))
        if sum(not outcome.keeps_up for outcome in outcomes) >= 3:
            break
    return outcomes


def knee(outcomes: Sequence[Outcome]) -> float:
    """The largest rate up to which everything kept up."""
    best = 0.0
    for outcome in outcomes:
        if not outcome.keeps_up:
            break
        best = outcome.offered
    return best


def curve_table(title: str, outcomes: Sequence[Outcome]) -> list[list[str]]:
    """A line for each rate; the bar is what was posted of it."""
    most = max(outcome.offered for outcome in outcomes)
    lines = [[title, "posted/s", "oldest s", "P95 s", "lost races/s", "429/s", "RU/event", "instances", "posted"]]
    for each in outcomes:
        bar = "#" * round(BAR * each.posted / most)
        lines.append([f"{each.offered:,.0f}/s", *_figures(each), bar.ljust(BAR)])
    return lines


def _figures(outcome: Outcome) -> list[str]:
    per_event = f"{outcome.units / outcome.posted:,.1f}" if outcome.posted >= 1 else "-"
    return [
        f"{outcome.posted:,.0f}",
        f"{outcome.oldest_s:.1f}",
        f"{outcome.p95_s:.1f}",
        f"{outcome.conflicts:,.0f}",
        f"{outcome.throttled:,.0f}",
        per_event,
        f"{outcome.instances:,.0f}",
    ]


def knees(rates: Sequence[int], designs: Sequence[Design] = DESIGNS) -> Iterator[list[str]]:
    """A line for each design: up to which rate it keeps up, and what becomes of half as much again and more."""
    yield ["ledger", *(f"{teams}: {what}" for teams in TEAMS for what in ("keeps up to", "beyond"))]
    for design in designs:
        line = [design.name]
        for shares in TEAMS.values():
            outcomes = curve(design, shares, rates)
            best, beyond = knee(outcomes), outcomes[-1]
            line += [f"{best:,.0f}/s", "-" if beyond.keeps_up else f"{beyond.posted:,.0f} of {beyond.offered:,.0f}"]
        yield line


def after_a_burst(designs: Sequence[Design] = OVERRUN) -> Iterator[list[str]]:
    """Whether a design that was overrun for half a minute gets over it, at a load that it bears otherwise."""
    rate, until = BURST
    columns = ("posted/s after", "oldest s at 4 min", "instances")
    yield [f"{rate:,.0f}/s for {until:.0f} s, then 100/s", *(f"{teams}: {what}" for teams in TEAMS for what in columns)]
    for design in designs:
        line = [design.name]
        for shares in TEAMS.values():
            outcome = simulate(design, shares, 100, 240.0, burst=BURST)
            line += [f"{outcome.posted:,.0f}", f"{outcome.oldest_s:.0f}", f"{outcome.instances:.0f}"]
        yield line


def paces(rates: Sequence[int]) -> Iterator[list[str]]:
    """What is left of the knees where the times that are assumed are halved and doubled."""
    yield ["keeps up to", *(f"{design.name}, {teams}" for design, teams in SENSITIVE), "instances on one account"]
    for pace in PACES:
        knees = (knee(curve(replace(design, pace=pace), TEAMS[teams], rates)) for design, teams in SENSITIVE)
        crowd = max((count for count in INSTANCES if exchanges(count, pace=pace).keeps_up), default=0)
        yield [f"times x {pace:g}", *(f"{each:,.0f}/s" for each in knees), f"{crowd:,}"]


def accounts(shards: int = 1, instances: Sequence[int] = INSTANCES) -> Iterator[list[str]]:
    """What one budget's document bears."""
    yield [
        f"{shards} account{'s' * (shards > 1)}, instances",
        "wanted/s",
        "done/s",
        "given up/s",
        "lost races/s",
        "429/s",
        "RU/s",
        "P95 s",
    ]
    for count in instances:
        each = exchanges(count, shards)
        figures = (each.wanted, each.done, each.given_up, each.lost_races, each.throttled, each.units)
        yield [f"{count:,}", *(f"{figure:,.0f}" for figure in figures), f"{each.late_s:.2f}"]
