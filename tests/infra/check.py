"""Checks a folder of Bicep without the compiler: syntax, published types and symbols. It is not `bicep build`.

    python -m tests.infra.check infra-bicep [--types <file of all types>]

Expressions are not evaluated beyond what `tests.infra.evaluation` needs, modules of registries are not fetched, and the rules of the
compiler's linter are not run: the pipeline does that with `az bicep build`, where the compiler is available.
"""

import argparse
import sys
from pathlib import Path

from tests.infra.azure_types import EXTRACT, AzureTypes
from tests.infra.checks import Finding, check
from tests.infra.workspace import Workspace


def check_folder(folder: Path, types: Path = EXTRACT) -> list[Finding]:
    """Return what is wrong with the .bicep and .bicepparam files under `folder`."""
    workspace = Workspace(AzureTypes.load(types))
    paths = sorted([*folder.rglob("*.bicep"), *folder.rglob("*.bicepparam")])
    return [finding for path in paths for finding in check(workspace.template(path), workspace)]


def main(arguments: list[str]) -> int:
    """Print the findings and return 1 where there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.infra.check", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--types", type=Path, default=EXTRACT, help="definitions of types; the extract unless given")
    options = parser.parse_args(arguments)
    findings = check_folder(options.folder.resolve(), options.types)
    for each in findings:
        path = each.path.relative_to(Path.cwd()) if each.path.is_relative_to(Path.cwd()) else each.path
        print(f"{path}:{each.line}: {each.message}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
