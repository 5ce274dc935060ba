"""`python -m tests.load`: latency, throughput, CPU, memory and start of Tollgate beside nginx and a peer, in one run."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.load import table
from tests.load.contenders import Contender, LiteLLM, Nginx, Tollgate, Unavailable
from tests.load.measures import known, median_of_rounds
from tests.load.processes import NotReady, mock_upstream, scratch
from tests.load.rounds import FULL, QUICK, Figures, GeneratorFailed, Round

CONTENDERS: Mapping[str, type[Contender]] = {"tollgate": Tollgate, "nginx": Nginx, "litellm": LiteLLM}
QUICK_CONTENDERS = ("tollgate", "nginx")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    names = options.only or (QUICK_CONTENDERS if options.quick else tuple(CONTENDERS))
    notes: list[str] = []
    contenders, absent = _available([CONTENDERS[name]() for name in names], notes)
    began, load_before = time.monotonic(), os.getloadavg()[0]
    try:
        rounds = _measure(contenders, options.rounds, options.quick, notes) if contenders else {}
    except (NotReady, GeneratorFailed) as error:
        print(error, file=sys.stderr)
        return 1
    silent = [each.name for each in contenders if each.name not in rounds]
    rows: dict[str, Figures] = {name: median_of_rounds(figures) for name, figures in rounds.items()}
    rows |= {name: {} for name in (*silent, *absent)}
    machine = {
        "cores": os.cpu_count(),
        "load_before": round(load_before, 2),
        "load_after": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "rounds": options.rounds,
        "seconds": round(time.monotonic() - began),
    }
    _print(contenders, rows, machine, notes)
    if options.json:
        result = {"machine": machine, "median": rows, "rounds": rounds, "notes": notes}
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 1 if silent else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less than a minute, Tollgate and nginx only")
    parser.add_argument("--only", action="append", choices=CONTENDERS, help="measure only this one; may be repeated")
    parser.add_argument("--rounds", type=int, choices=range(1, 10), default=3, help="how many rounds (3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures too")
    return parser.parse_args(arguments)


def _available(wanted: Sequence[Contender], notes: list[str]) -> tuple[list[Contender], list[str]]:
    contenders, absent = [], []
    for contender in wanted:
        try:
            contender.check()
        except Unavailable as error:
            notes.append(str(error))
            absent.append(contender.name)
        else:
            contenders.append(contender)
    return contenders, absent


def _measure(contenders: Sequence[Contender], rounds: int, quick: bool, notes: list[str]) -> dict[str, list[Figures]]:
    measured: dict[str, list[Figures]] = {}
    with scratch() as directory, mock_upstream(directory) as upstream_port:
        one_round = Round(upstream_port, QUICK if quick else FULL, notes.append)
        for number in range(1, rounds + 1):
            for name, figures in one_round.measure(contenders):
                print(f"round {number} of {rounds}: {name}", file=sys.stderr)
                measured.setdefault(name, []).append(known(figures))
    return measured


def _print(
    contenders: Sequence[Contender],
    rows: Mapping[str, Figures],
    machine: Mapping[str, object],
    notes: Sequence[str],
) -> None:
    print(table.render(rows))
    rates = "; ".join(f"{each.name} {each.rate:g} and {each.stream_rate:g}" for each in contenders)
    print(
        f"\nMedians of {machine['rounds']} interleaved rounds on {machine['cores']} cores, load average "
        f"{machine['load_before']} before and {machine['load_after']} after, Python {machine['python']}, "
        f"{machine['seconds']} s.\n"
        "add, first byte: over calling the upstream directly in the same round, at a steady rate "
        f"(requests and streams a second: {rates}).\n"
        "The first row is the upstream itself: its absolute latencies, and the ceiling of upstream and load generator."
    )
    for note in notes:
        print(f"Note: {note}")


if __name__ == "__main__":
    sys.exit(main())
