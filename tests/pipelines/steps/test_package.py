"""The package starts from what is in it alone, and is the same each time. `slow`: it installs every library, twice."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from devhost.vocabularies import VOCABULARIES
from pipelines.steps.archive import sha256_of
from pipelines.steps.commands import ROOT
from pipelines.steps.package import LOCK, copy_vocabularies, package

START = """
import asyncio, pathlib, socket, sys

def refuse(*arguments, **named):
    raise OSError("the package must start without a network")

socket.socket.connect = socket.create_connection = refuse
from devhost.worker import Worker

worker = asyncio.run(Worker.load(pathlib.Path(sys.argv[1])))
import orjson, shared, tiktoken
from shared.settings import offer_vocabularies

offer_vocabularies(pathlib.Path(sys.argv[1]) / "vendor" / "tiktoken")
assert tiktoken.get_encoding("o200k_base").encode("hello")
print(len(worker.functions), shared.__path__[0], orjson.__file__)
"""


def test_a_wrong_or_missing_vocabulary_stops_the_build(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with pytest.raises(ValueError, match="o200k_base"):
        copy_vocabularies(source, tmp_path / "target")
    (source / VOCABULARIES[0].cache_name).write_bytes(b"not it")
    with pytest.raises(ValueError, match="o200k_base"):
        copy_vocabularies(source, tmp_path / "target")


@pytest.mark.slow
def test_two_packages_of_one_tree_are_the_same_and_start_from_what_is_in_them(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    ignore = shutil.ignore_patterns(".venv", ".local", ".tools", "dist", ".hypothesis", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, tree, ignore=ignore, symlinks=True)
    one, other = package(tree, LOCK, tmp_path / "one"), package(tree, LOCK, tmp_path / "other")

    assert sha256_of(one) == sha256_of(other)
    for paper in ("tollgate.cdx.json", "tollgate.provenance.json"):
        assert (tmp_path / "one" / paper).read_bytes() == (tmp_path / "other" / paper).read_bytes()
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(one) as archive:
        archive.extractall(unpacked)
    assert {path.name for path in unpacked.iterdir()} == {
        ".python_packages", "__pycache__", "function_app.py", "functions", "host.json", "requirements.txt", "shared",
        "tollgate.json", "vendor",
    }  # fmt: skip
    manifest = json.loads((unpacked / "tollgate.json").read_text())
    assert manifest["libraries"]["azure-functions"]
    start(unpacked, tmp_path)


def start(unpacked: Path, scratch: Path) -> None:
    """Load the app by the official runtime in a process that has the package's libraries only, the local host beside it."""
    hosts = scratch / "host"
    shutil.copytree(ROOT / "devhost", hosts / "devhost", ignore=shutil.ignore_patterns("__pycache__"))
    path = os.pathsep.join(map(str, (unpacked, unpacked / ".python_packages/lib/site-packages", hosts)))
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": path,
        "TOLLGATE_CONFIG": str(ROOT / "devhost" / "gateway.yaml"),
        "AZURE_OPENAI_ENDPOINT": "https://example.openai.azure.com",
    }
    command = [sys.executable, "-S", "-c", START, str(unpacked)]
    done = subprocess.run(
        command, cwd=scratch, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    count, shared_from, library_from = done.stdout.split()
    assert int(count) > 50
    assert Path(shared_from).is_relative_to(unpacked)
    assert Path(library_from).is_relative_to(unpacked)
