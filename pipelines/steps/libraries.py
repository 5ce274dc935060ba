"""Puts the locked libraries where the Functions host looks for them, compiled, for Linux on x86-64 and Python 3.13."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PYTHON = "3.13"
SITE_PACKAGES = Path(".python_packages/lib/site-packages")
# Newest first: pip takes a wheel only for a platform that it is told of.
PLATFORMS = (
    *(f"manylinux_2_{minor}_x86_64" for minor in range(28, 4, -1)),
    "manylinux2014_x86_64",
    "manylinux2010_x86_64",
    "manylinux1_x86_64",
)
# What an installer notes about itself differs from one installation to the next, and nothing reads it.
NOTES = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")


def install(lock: Path, target: Path) -> None:
    """Install exactly the wheels of the lock, each checked against its hash. Nothing is built: a wheel is there or it fails."""
    platforms = [argument for platform in PLATFORMS for argument in ("--platform", platform)]
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps",
        "--require-hashes", "--only-binary", ":all:", "--implementation", "cp", "--python-version", PYTHON, *platforms,
        "--target", str(target), "--requirement", str(lock),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    forget_the_installation(target)


def forget_the_installation(target: Path) -> None:
    shutil.rmtree(target / "bin", ignore_errors=True)
    for folder in target.glob("*.dist-info"):
        for note in NOTES:
            (folder / note).unlink(missing_ok=True)


def compile_all(folder: Path) -> None:
    """Write a .pyc beside every .py that is trusted without a look at its source: a start need not compile or compare.

    A process of its own with a fixed hash seed, and paths relative to the package, make the same bytes each time.
    """
    if sys.version_info[:2] != tuple(map(int, PYTHON.split("."))):
        raise RuntimeError(f"the package is compiled by Python {PYTHON}, this is {sys.version.split()[0]}")
    command = [
        sys.executable, "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash",
        "-s", str(folder), "-p", "/", str(folder),
    ]  # fmt: skip
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "0"})
