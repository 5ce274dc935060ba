"""Makes the package that every environment runs: `python -m pipelines.steps.package [--output dist]`.

Beside `tollgate.zip` it writes the digest, the bill of materials and the provenance. Two runs on the same commit with the same
Python make the same bytes.
"""

import argparse
import hashlib
import json
import shutil
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from devhost.vocabularies import VOCABULARIES
from devhost.vocabularies import install as fetch_vocabularies
from pipelines.steps import libraries, provenance, sbom
from pipelines.steps.archive import content_digest, sha256_of, write_zip
from pipelines.steps.commands import ROOT, put_out, say
from pipelines.steps.tree import copy_application

NAME = "tollgate"
LOCK = ROOT / "pipelines" / "requirements.lock"
MANIFEST = "tollgate.json"
VOCABULARY_FOLDER = Path("vendor/tiktoken")


def version_of(root: Path) -> str:
    return str(tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def copy_vocabularies(source: Path, target: Path) -> dict[str, str]:
    """Copy the tokeniser's vocabularies and return their SHA-256 by name. Raises ValueError for a wrong or missing one."""
    target.mkdir(parents=True, exist_ok=True)
    for vocabulary in VOCABULARIES:
        file = source / vocabulary.cache_name
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != vocabulary.sha256:
            raise ValueError(f"{file} is not the vocabulary {vocabulary.name}: `make package` fetches it")
        shutil.copyfile(file, target / vocabulary.cache_name)
    return {vocabulary.name: vocabulary.sha256 for vocabulary in VOCABULARIES}


def stage(root: Path, lock: Path, folder: Path) -> dict[str, Any]:
    """Lay the package out in the folder and return its manifest, which is written into it."""
    copy_application(root, folder)
    vocabularies = copy_vocabularies(root / VOCABULARY_FOLDER, folder / VOCABULARY_FOLDER)
    libraries.install(lock, folder / libraries.SITE_PACKAGES)
    libraries.compile_all(folder)
    manifest = {
        "name": NAME,
        "version": version_of(root),
        "python": libraries.PYTHON,
        "platform": "linux x86_64",
        **provenance.source_of(root),
        "libraries": {each.name: each.version for each in sbom.libraries_in(folder / libraries.SITE_PACKAGES)},
        "vocabularies": vocabularies,
        "content_sha256": content_digest(folder),
    }
    write_json(folder / MANIFEST, manifest)
    return manifest


def package(root: Path, lock: Path, output: Path) -> Path:
    """Write the package and its papers into `output`; return the path of the zip."""
    output.mkdir(parents=True, exist_ok=True)
    target = output / f"{NAME}.zip"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "package"
        folder.mkdir()
        manifest = stage(root, lock, folder)
        digest = write_zip(folder, target)
        listed = sbom.libraries_in(folder / libraries.SITE_PACKAGES)
    (output / f"{NAME}.zip.sha256").write_text(f"{digest}  {NAME}.zip\n", encoding="utf-8")
    bill = sbom.bill(NAME, manifest["version"], listed, manifest["content_sha256"], manifest["vocabularies"])
    write_json(output / f"{NAME}.cdx.json", bill)
    materials = {"pipelines/requirements.lock": sha256_of(lock), **manifest["vocabularies"]}
    source = {"commit": manifest["commit"], "dirty": manifest["dirty"]}
    papers = provenance.statement({f"{NAME}.zip": digest}, source, materials, provenance.here())
    write_json(output / f"{NAME}.provenance.json", papers)
    return target


def write_json(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--output", type=Path, default=ROOT / "dist", help="the folder for the results (dist)")
    given = arguments.parse_args()
    if not all((ROOT / VOCABULARY_FOLDER / vocabulary.cache_name).is_file() for vocabulary in VOCABULARIES):
        fetch_vocabularies(ROOT / VOCABULARY_FOLDER)  # `make` has done so before
    target = package(ROOT, LOCK, given.output)
    put_out("sha256", sha256_of(target))
    say(f"{target} ({target.stat().st_size / 1e6:.1f} MB)\nsha256 {sha256_of(target)}")


if __name__ == "__main__":
    main()
