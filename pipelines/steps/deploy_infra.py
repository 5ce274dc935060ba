"""Shows what a deployment of the infrastructure would change, or makes it: `python -m pipelines.steps.deploy_infra plan dev`."""

import argparse
import sys

from pipelines.steps.commands import CommandFailed, Commands, say, summarise
from pipelines.steps.environments import JSON, Environment

# A summary holds at most 1 MiB; a diff longer than this is read in the log.
LONGEST_SUMMARY = 200_000
KINDS = ("Create", "Modify", "Delete", "Deploy", "Unsupported", "NoChange", "Ignore", "NoEffect")


def template(environment: Environment, location: str | None) -> tuple[str, ...]:
    return (
        "--name", environment.deployment,
        "--location", location or environment.location,
        "--parameters", str(environment.parameters),
    )  # fmt: skip


def plan(commands: Commands, environment: Environment, location: str | None = None) -> None:
    """Check the template, and show what would change on the page of the run.

    An identity that may only read can ask: its right to write is not part of the check.
    """
    what = (
        "az",
        "deployment",
        "sub",
        "what-if",
        *template(environment, location),
        "--validation-level",
        "ProviderNoRbac",
    )
    changes = commands.read(*what, "--no-pretty-print", *JSON)["changes"]
    text = commands.text(*what, "--only-show-errors")
    counts = {kind: sum(change["changeType"] == kind for change in changes) for kind in KINDS}
    heads = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "nothing"
    gone = [change["resourceId"] for change in changes if change["changeType"] == "Delete"]
    warning = "".join(f"\n> **Deletes** `{each}`" for each in gone)
    if len(text) > LONGEST_SUMMARY:
        say(text)
        text = f"{text[:LONGEST_SUMMARY]}\n… the rest is in the log"
    summarise(f"### What would change in {environment.name}: {heads}\n{warning}\n\n````\n{text}\n````\n")


def apply(commands: Commands, environment: Environment, location: str | None = None) -> None:
    commands.change(
        f"deploy the infrastructure of {environment.name}",
        "az", "deployment", "sub", "create", *template(environment, location), *JSON,
    )  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("what", choices=["plan", "apply"])
    arguments.add_argument("environment")
    arguments.add_argument("--location", help="the region of the deployment's record (that of the parameter file)")
    given = arguments.parse_args()
    step = {"plan": plan, "apply": apply}[given.what]
    try:
        step(Commands(), Environment(given.environment), given.location)
    except CommandFailed as failure:
        sys.exit(str(failure))
    say(f"{given.what} of {given.environment}: done")


if __name__ == "__main__":
    main()
