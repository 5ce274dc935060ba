"""Puts a package on the function app of an environment: `python -m pipelines.steps.deploy_app dev dist/tollgate.zip`.

The package comes with its digest, and nothing else is deployed. An earlier package is deployed in the same way: that is a rollback.
"""

import argparse
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

from pipelines.steps.archive import sha256_of
from pipelines.steps.commands import CommandFailed, Commands, say, summarise
from pipelines.steps.environments import JSON, Deployed, Environment

MANIFEST = "tollgate.json"
DIGEST = re.compile(r"[0-9a-f]{64}")


def checked(package: Path, expected: str | None) -> str:
    """The package's SHA-256. Raises CommandFailed if it is not the expected one, given or beside the package."""
    if not package.is_file():
        raise CommandFailed(f"there is no package {package}")
    beside = package.with_name(package.name + ".sha256")
    if expected is None and beside.is_file():
        expected = (beside.read_text(encoding="utf-8").split() or [""])[0]
    wanted = expected or ""
    if not DIGEST.fullmatch(wanted):
        raise CommandFailed(f"{package} has no digest: put {beside.name} beside it, or give --sha256")
    found = sha256_of(package)
    if found != wanted:
        raise CommandFailed(f"{package} is not the package that was tested: its SHA-256 is {found}, not {wanted}")
    return found


def manifest_of(package: Path) -> dict[str, Any]:
    """What the package says of itself."""
    with zipfile.ZipFile(package) as archive:
        found: dict[str, Any] = json.loads(archive.read(MANIFEST))
    return found


def deploy(
    commands: Commands,
    environment: Environment,
    package: Path,
    expected: str | None = None,
    app: Deployed | None = None,
) -> None:
    """Deploy and write the version on the page of the run; without `app` the environment's own. Raises CommandFailed."""
    digest = checked(package, expected)
    manifest = manifest_of(package)
    app = app or Deployed.read(commands, environment)
    # `false` has to be said: left out, the CLI has every Python app of this plan built anew, from libraries nobody has locked.
    commands.change(
        f"deploy {manifest['name']} {manifest['version']} to {app.function_app}",
        "az", "functionapp", "deployment", "source", "config-zip",
        "--resource-group", app.resource_group, "--name", app.function_app, "--src", str(package),
        "--build-remote", "false", *JSON,
    )  # fmt: skip
    summarise(
        f"### {environment.name} runs {manifest['name']} {manifest['version']}\n\n"
        f"| | |\n|---|---|\n| commit | `{manifest['commit']}` |\n| package | `sha256:{digest}` |\n| app | {app.url} |\n"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("environment")
    arguments.add_argument("package", type=Path)
    arguments.add_argument("--sha256", help="the digest that the package must have (that in the file beside it)")
    arguments.add_argument(
        "--deployment", default="", help="the name of the infrastructure's deployment (tollgate-ENVIRONMENT)"
    )
    given = arguments.parse_args()
    try:
        environment = Environment(given.environment, deployed_as=given.deployment)
        deploy(Commands(), environment, given.package, given.sha256)
    except CommandFailed as failure:
        sys.exit(str(failure))
    say("deployed")


if __name__ == "__main__":
    main()
