"""`python -m tests.load.isolation`: do callers notice another one who sends 10 MB bodies, or a megabyte of spaces?"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.load import table
from tests.load.connection import Kind
from tests.load.contenders import Address, Tollgate
from tests.load.generator import Plan
from tests.load.measures import median_of_rounds
from tests.load.processes import NotReady, mock_upstream, scratch
from tests.load.rounds import Figures, GeneratorFailed, generate, plain

RATE = 100.0
DISTURBANCE_RATE = 5.0
LEAD_S = 1.0
QUIET = "nobody else"
DIRECTLY, THROUGH = "the upstream itself", "Tollgate"


def disturbances(address: Address) -> list[Kind]:
    return [
        Kind("10 MB bodies", address.ask(text="lorem ipsum dolor " * (10 * 2**20 // 18))),
        Kind("1 MB of spaces", address.ask(text=" " * 2**20)),
    ]


class Measured:
    """The others' latencies round by round, and how the disturbing callers were answered."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._rounds: dict[tuple[str, str], list[Figures]] = {}
        self.answers: dict[str, Counter[str]] = {}

    def medians(self) -> dict[tuple[str, str], Figures]:
        return {case: median_of_rounds(figures) for case, figures in self._rounds.items()}

    def add_round(self, whom: str, address: Address) -> None:
        self._rounds.setdefault((whom, QUIET), []).append(self._others(address))
        for kind in disturbances(address):
            self._rounds.setdefault((whom, kind.name), []).append(self._beside(whom, address, kind))

    def _others(self, address: Address) -> Figures:
        report = generate(Plan(address.port, [plain(address)], self._seconds, RATE))
        return dict(report["kinds"]["plain"]["latency_ms"])

    def _beside(self, whom: str, address: Address, kind: Kind) -> Figures:
        """Measure the others while one caller, in a process of its own, repeats the disturbing request."""
        plan = Plan(address.port, [kind], self._seconds + 2 * LEAD_S, DISTURBANCE_RATE, concurrency=1)
        with ThreadPoolExecutor(1) as pool:
            disturbing = pool.submit(generate, plan)
            time.sleep(LEAD_S)
            figures = self._others(address)
            statuses = disturbing.result()["kinds"][kind.name]["statuses"]
        self.answers.setdefault(f"{kind.name} to {whom}", Counter()).update(statuses)
        return figures


def measure(rounds: int, seconds: float) -> Measured:
    """Raises NotReady and GeneratorFailed."""
    measured = Measured(seconds)
    with scratch() as directory, mock_upstream(directory) as upstream_port, Tollgate().start(upstream_port) as running:
        address = running.address
        running.process.wait_for_200(address.port, address.ask())
        generate(Plan(address.port, [plain(address)], LEAD_S, concurrency=8))
        for _ in range(rounds):
            measured.add_round(DIRECTLY, Address(upstream_port))
            measured.add_round(THROUGH, address)
    return measured


def render(measured: Measured) -> str:
    medians = measured.medians()
    lines = [["the others call", "beside", "P50 ms", "P95 ms", "P99 ms", "P95 against quiet"]]
    for (whom, beside), row in medians.items():
        times = [f"{row[each]:.2f}" for each in ("p50", "p95", "p99")]
        lines.append([whom, beside, *times, f"{row['p95'] - medians[whom, QUIET]['p95']:+.2f}"])
    answers = [f"{who}: {dict(statuses)}" for who, statuses in measured.answers.items()]
    return "\n".join([table.grid(lines), "", f"Answers to {'; '.join(answers)}"])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.isolation", description=__doc__)
    parser.add_argument("--rounds", type=int, choices=range(1, 10), default=3, help="how many rounds (3)")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement (8)")
    options = parser.parse_args(arguments)
    try:
        measured = measure(options.rounds, min(options.seconds, 120.0))
    except (NotReady, GeneratorFailed) as error:
        print(error, file=sys.stderr)
        return 1
    print(render(measured))
    print(
        f"\nMedians of {options.rounds} rounds; the others at {RATE:g} requests a second, the disturbing caller at "
        f"{DISTURBANCE_RATE:g}.\nThe rows of the upstream itself show how much of it is this machine and the mock."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
