"""Shows what an environment has logged: `python -m pipelines.steps.logs prod --minutes 60 --problems`."""

import argparse
import sys

from pipelines.steps.commands import CommandFailed, Commands, say
from pipelines.steps.environments import JSON, Deployed, Environment

WARNING = 2
LONGEST = 10_000


def query_for(minutes: int, problems: bool, request: str | None, limit: int) -> str:
    """KQL. `request` is an `x-request-id`. Raises CommandFailed for one that could be anything else."""
    if request is not None and not request.replace("-", "").replace("_", "").isalnum():
        raise CommandFailed("an id of a request has letters, digits, - and _ only")
    lines = ["union AppTraces, AppExceptions", f"| where TimeGenerated > ago({minutes}m)"]
    if problems:
        lines.append(f"| where SeverityLevel >= {WARNING}")
    if request:
        lines.append(f"| where Message has '{request}' or OuterMessage has '{request}'")
    # One line: on Windows `az` is a batch file, and the end of a line would end its arguments.
    return " ".join(
        [*lines, "| project TimeGenerated, SeverityLevel, Text = coalesce(Message, OuterMessage)",
         f"| top {limit} by TimeGenerated desc"]
    )  # fmt: skip


def show(commands: Commands, environment: Environment, query: str) -> None:
    """Print the lines, oldest first. Raises CommandFailed."""
    group = Deployed.read(commands, environment).resource_group
    spaces = commands.read(
        "az",
        "monitor",
        "log-analytics",
        "workspace",
        "list",
        "--resource-group",
        group,
        "--query",
        "[].customerId",
        *JSON,
    )
    if not spaces:
        raise CommandFailed(f"there is no Log Analytics workspace in {group}")
    asked = ("--workspace", spaces[0], "--analytics-query", query)
    for row in reversed(commands.read("az", "monitor", "log-analytics", "query", *asked, *JSON) or []):
        say(f"{row['TimeGenerated']}  {row['SeverityLevel']}  {row['Text']}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("environment")
    arguments.add_argument("--minutes", type=int, default=30, choices=range(1, 43_201), metavar="N")
    arguments.add_argument("--problems", action="store_true", help="warnings and errors only")
    arguments.add_argument("--request", help="only what is about the call with this x-request-id")
    arguments.add_argument("--limit", type=int, default=200, choices=range(1, LONGEST + 1), metavar="N")
    arguments.add_argument(
        "--deployment", default="", help="the name of the infrastructure's deployment (tollgate-ENVIRONMENT)"
    )
    given = arguments.parse_args()
    try:
        query = query_for(given.minutes, given.problems, given.request, given.limit)
        show(Commands(), Environment(given.environment, deployed_as=given.deployment), query)
    except CommandFailed as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
