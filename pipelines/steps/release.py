"""Makes the bundle that a customer installs from: `python -m pipelines.steps.release [--tag v1.2.3]`, with the package in dist/.

It has the package with its papers, the templates as Bicep and compiled, the scripts and the pages that say how.
"""

import argparse
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from pipelines.steps.archive import files_in, sha256_of, write_zip
from pipelines.steps.check_infra import compile_into
from pipelines.steps.commands import ROOT, CommandFailed, Commands, say
from pipelines.steps.deploy_app import checked, manifest_of
from pipelines.steps.package import version_of
from pipelines.steps.provenance import source_of
from pipelines.steps.tree import known_files

SHIPPED = ("infra-bicep", "pipelines", "devhost/find_python.sh", "CHANGELOG.md", "docs")
PAPERS = ("tollgate.zip", "tollgate.zip.sha256", "tollgate.cdx.json", "tollgate.provenance.json")
INSTALL = """# Tollgate {version}

1. Check what you got: `sha256sum --check SHA256SUMS`.
2. Put your names and networks into `infra-bicep/main.prod.bicepparam`.
3. `python{python} -m venv .venv`, then `.venv/bin/python -m pip install --require-hashes -r pipelines/smoke.lock`, then `az login`. On
   Windows it is `py -{python} -m venv .venv` and `.venv\\Scripts\\python.exe`.
4. `pipelines/deploy.sh prod --package package/tollgate.zip` (`deploy.ps1` on Windows) shows what it would do, asks, deploys and tests.

Where no compiler for Bicep is to be had, `compiled/` has the templates and our parameters as JSON; put yours into
`compiled/main.prod.json` then:

    az deployment sub create --name tollgate-prod --location REGION --template-file compiled/main.json --parameters @compiled/main.prod.json
    .venv/bin/python -m pipelines.steps.deploy_app prod package/tollgate.zip
    .venv/bin/python -m pipelines.steps.smoke_environment prod

The pages in `docs/how-to` tell more. The package was built from commit {commit}; `package/tollgate.cdx.json` lists what is in it,
with licences.
"""


def bundle(commands: Commands, root: Path, dist: Path) -> Path:
    """Write the bundle into `dist`, where the package is. Raises CommandFailed for a package that is not of a clean commit."""
    checked(dist / "tollgate.zip", None)
    manifest = manifest_of(dist / "tollgate.zip")
    version = version_of(root)
    if manifest["dirty"] or manifest["version"] != version:
        raise CommandFailed(f"the package is not that of a commit of version {version}: make it from a clean checkout")
    target = dist / f"tollgate-{version}.zip"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        copy_sources(root, folder)
        for paper in PAPERS:
            copy(dist / paper, folder / "package" / paper)
        compile_into(commands, folder / "infra-bicep", folder / "compiled")
        text = INSTALL.format(version=version, python=manifest["python"], commit=manifest["commit"])
        (folder / "INSTALL.md").write_text(text, encoding="utf-8")
        sums = "".join(f"{sha256_of(path)}  {name}\n" for name, path in files_in(folder))
        (folder / "SHA256SUMS").write_text(sums, encoding="utf-8")
        digest = write_zip(folder, target)
    target.with_name(target.name + ".sha256").write_text(f"{digest}  {target.name}\n", encoding="utf-8")
    return target


def need_package_of(source: dict[str, Any], package: Path) -> None:
    """Raises CommandFailed for a package of another commit than the templates and pages that go with it."""
    commit = manifest_of(package)["commit"]
    if commit != source["commit"] or source["dirty"]:
        raise CommandFailed(f"the package is of commit {commit}, and this is not a clean checkout of that")


def copy_sources(root: Path, folder: Path) -> None:
    """What git knows: something of one's own beside the templates, which .gitignore names, is nobody else's business."""
    for name in known_files(root, *SHIPPED):
        copy(root / name, folder / name)


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--tag", help="the tag that is released: it must be `v` and the version")
    given = arguments.parse_args()
    try:
        if given.tag and given.tag != f"v{version_of(ROOT)}":
            raise CommandFailed(f"the tag {given.tag} is not v{version_of(ROOT)}, the version in pyproject.toml")
        if given.tag:
            need_package_of(source_of(ROOT), ROOT / "dist" / "tollgate.zip")
        target = bundle(Commands(), ROOT, ROOT / "dist")
    except (CommandFailed, zipfile.BadZipFile) as failure:
        sys.exit(str(failure))
    say(f"{target}\nsha256 {sha256_of(target)}")


if __name__ == "__main__":
    main()
