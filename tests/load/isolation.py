"""`python -m tests.load.isolation`: do callers notice another one who sends 10 MB bodies, or a megabyte of spaces?"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.load import table
from tests.load.connection import Kind
from tests.load.contenders import Address, Tollgate
from tests.load.generator import Plan
from tests.load.measures import median_of_rounds
from tests.load.processes import NotReady, mock_upstream, scratch
from tests.load.rounds import Figures, GeneratorFailed, generate, plain

RATE = 100.0
LEAD_S = 1.0
QUIET = "nobody else"


def disturbances(address: Address) -> list[Kind]:
    return [
        Kind("a 10 MB body, again and again", address.ask(text="lorem ipsum dolor " * (10 * 2**20 // 18))),
        Kind("1 MB of spaces, again and again", address.ask(text=" " * 2**20)),
    ]


def measure(rounds: int, seconds: float) -> tuple[dict[str, Figures], dict[str, str]]:
    """Return the others' latencies beside each disturbance, and how the disturbing caller was answered."""
    measured: dict[str, list[Figures]] = {}
    answers: dict[str, str] = {}
    with scratch() as directory, mock_upstream(directory) as upstream_port, Tollgate().start(upstream_port) as running:
        address = running.address
        running.process.wait_for_200(address.port, address.ask())
        generate(Plan(address.port, [plain(address)], 1.0, concurrency=8))
        for _ in range(rounds):
            measured.setdefault(QUIET, []).append(_others(address, seconds))
            for kind in disturbances(address):
                figures, disturbing = _beside(address, kind, seconds)
                measured.setdefault(kind.name, []).append(figures)
                answers[kind.name] = f"{disturbing['statuses']} {disturbing['refusal']}".strip()
    return {name: median_of_rounds(figures) for name, figures in measured.items()}, answers


def _others(address: Address, seconds: float) -> Figures:
    report = generate(Plan(address.port, [plain(address)], seconds, RATE))
    return dict(report["kinds"]["plain"]["latency_ms"])


def _beside(address: Address, kind: Kind, seconds: float) -> tuple[Figures, dict[str, Any]]:
    """Measure the others while one caller, in a process of its own, repeats the disturbing request."""
    with ThreadPoolExecutor(1) as pool:
        disturbing = pool.submit(generate, Plan(address.port, [kind], seconds + 2 * LEAD_S, concurrency=1))
        figures = _others(address, seconds)
        return figures, disturbing.result()["kinds"][kind.name]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.isolation", description=__doc__)
    parser.add_argument("--rounds", type=int, choices=range(1, 10), default=3, help="how many rounds (3)")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement (8)")
    options = parser.parse_args(arguments)
    try:
        rows, answers = measure(options.rounds, min(options.seconds, 120.0))
    except (NotReady, GeneratorFailed) as error:
        print(error, file=sys.stderr)
        return 1
    lines = [["the others, beside", "P50 ms", "P95 ms", "P99 ms"]]
    lines += [[name, *(f"{row[each]:.2f}" for each in ("p50", "p95", "p99"))] for name, row in rows.items()]
    print(table.grid(lines))
    print(f"\nMedians of {options.rounds} rounds, the others at {RATE:g} requests a second.")
    for name, row in rows.items():
        if name != QUIET:
            added = row["p95"] - rows[QUIET]["p95"]
            print(f"{name}: the others' P95 {added:+.2f} ms; its own answers: {answers[name]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
