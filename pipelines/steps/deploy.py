"""All of a deployment from one machine: plan, ask, infrastructure, package, smoke test.

`python -m pipelines.steps.deploy prod --package dist/tollgate.zip` is what the pipelines do step by step.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from pipelines.steps import deploy_app, deploy_infra, smoke_environment
from pipelines.steps.commands import ROOT, CommandFailed, Commands, say
from pipelines.steps.environments import Environment


def deploy(
    commands: Commands, environment: Environment, package: Path, location: str | None, confirm: Callable[[str], bool]
) -> bool:
    """True once everything is deployed and answers; False where `confirm` did not agree. A dry run ends with the plan."""
    digest = deploy_app.checked(package, None)
    if not commands.dry_run:
        smoke_environment.need_sdks()
    deploy_infra.plan(commands, environment, location)
    if commands.dry_run:
        say(f"would make these changes, deploy sha256:{digest} and test it")
        return True
    if not confirm(f"Make these changes and deploy sha256:{digest[:12]} to {environment.name}?"):
        return False
    deploy_infra.apply(commands, environment, location)
    deploy_app.deploy(commands, environment, package, digest)
    smoke_environment.ask_everything(commands, environment)
    return True


def ask(question: str) -> bool:
    """True for a yes; where nobody is there to answer it is a no."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("environment")
    arguments.add_argument("--package", type=Path, default=ROOT / "dist" / "tollgate.zip")
    arguments.add_argument("--location", help="the region of the deployment's record (that of the parameter file)")
    arguments.add_argument("--yes", action="store_true", help="do not ask")
    arguments.add_argument("--dry-run", action="store_true", help="show the plan and change nothing")
    given = arguments.parse_args()
    confirm = (lambda question: True) if given.yes else ask
    try:
        done = deploy(Commands(given.dry_run), Environment(given.environment), given.package, given.location, confirm)
    except CommandFailed as failure:
        sys.exit(str(failure))
    sys.exit(0 if done else "nothing was changed")


if __name__ == "__main__":
    main()
