"""Shows those who approve which package it is about, and hands its digest on.

`python -m pipelines.steps.choose_package prod dist/tollgate.zip`: what is deployed after the approval has to have this digest, so it
is what was shown.
"""

import argparse
import sys
from pathlib import Path

from pipelines.steps.commands import CommandFailed, put_out, summarise
from pipelines.steps.deploy_app import checked, manifest_of


def choose(environment: str, package: Path, expected: str | None) -> str:
    """The package's SHA-256. Raises CommandFailed where it is not the one expected, or that of the file beside it."""
    digest = checked(package, expected)
    manifest = manifest_of(package)
    changed = ", with changes that are in no commit" if manifest["dirty"] else ""
    summarise(
        f"### {environment} is to run {manifest['name']} {manifest['version']}\n\n"
        f"| | |\n|---|---|\n| commit | `{manifest['commit']}`{changed} |\n| package | `sha256:{digest}` |\n"
    )
    return digest


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("environment")
    arguments.add_argument("package", type=Path)
    arguments.add_argument("--sha256", help="the digest that the package must have (that in the file beside it)")
    given = arguments.parse_args()
    try:
        put_out("sha256", choose(given.environment, given.package, given.sha256 or None))
    except CommandFailed as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
