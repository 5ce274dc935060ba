"""`python -m tests.load.scale`: what limits the gateway at 10, 1,000 and 10,000 calls a second, and what an environment costs."""

import argparse
import sys

from tests.load import table
from tests.load.scale import capacity, page, sweep
from tests.load.scale.settings import DEV, PROD, Calls

QUICK = (100, 300, 500, 1_000, 2_000)


def print_capacity() -> None:
    for environment in (PROD, DEV):
        print(table.grid(capacity.table((10, 1_000, 10_000), environment, Calls())), end="\n\n")


def print_simulation(rates: tuple[int, ...]) -> None:
    one, many = sweep.TEAMS
    shown = ((one, sweep.BEFORE), (one, sweep.TODAY), (many, sweep.BEFORE_DEPLOYED), (many, sweep.DEPLOYED))
    for title, design in shown:
        outcomes = sweep.curve(design, sweep.TEAMS[title], rates)
        print(table.grid(sweep.curve_table(f"{design.name}, {title}", outcomes)), end="\n\n")
    print(table.grid(list(sweep.knees(rates))), end="\n\n")
    print(table.grid(list(sweep.after_a_burst())), end="\n\n")
    print(table.grid(list(sweep.paces(rates))), end="\n\n")
    for shards in (1, 16):
        print(table.grid(list(sweep.accounts(shards))), end="\n\n")


def print_comparison() -> None:
    """The code itself beside the simulation of it."""
    from tests.load.scale.comparison import openings, postings, reports

    print(table.grid(list(postings())), end="\n\n")
    print(table.grid(list(reports())), end="\n\n")
    print(table.grid(list(openings())), end="\n\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.scale", description=__doc__)
    parser.add_argument(
        "--costs", action="store_true", help="only what it costs, as docs/explanation/running-costs.md has it"
    )
    parser.add_argument("--validate", action="store_true", help="only the simulation beside the code that it simulates")
    parser.add_argument("--paper", action="store_true", help="only the model on paper")
    parser.add_argument("--quick", action="store_true", help="fewer rates")
    options = parser.parse_args()
    if options.costs:
        print(page.tables())
        return 0
    if options.validate:
        print_comparison()
        return 0
    print_capacity()
    if not options.paper:
        print_simulation(QUICK if options.quick else sweep.RATES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
