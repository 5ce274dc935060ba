"""Runs the command-line tools that the steps stand on, and only says what it would run where nothing may change."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class CommandFailed(Exception):
    """A tool is missing or ended with an error; the message has what it said, and `said` has that alone."""

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said


class Commands:
    """`az`, `gh` and others. `dry_run` lets through what reads and prints what would change."""

    def __init__(self, dry_run: bool = False) -> None:
        self.dry_run = dry_run
        self.changes = 0

    def read(self, *command: str) -> Any:
        """Return what the tool prints as JSON, None for nothing. Runs in a dry run too, so it must not change anything."""
        printed = run_tool(command)
        return json.loads(printed) if printed.strip() else None

    def find(self, *command: str) -> Any:
        """Like `read`, for `gh`, and None where GitHub answers that there is no such thing."""
        try:
            return self.read(*command)
        except CommandFailed as failure:
            if "HTTP 404" not in failure.said:
                raise
            return None

    def change(self, what: str, *command: str) -> Any:
        """Do and return what the tool prints as JSON; in a dry run print it and return None. `what` is for people."""
        self.changes += 1
        if self.dry_run:
            say(f"would {what}\n    {quoted(command)}")
            return None
        say(what)
        printed = run_tool(command)
        return json.loads(printed) if printed.strip().startswith(("{", "[", '"')) else None

    def show(self, *command: str) -> None:
        """Run with the tool's output going to where ours goes. Raises CommandFailed."""
        sys.stdout.flush()
        if subprocess.run([executable(command[0]), *command[1:]], check=False).returncode:
            raise CommandFailed(f"{quoted(command)} failed")

    def text(self, *command: str) -> str:
        """Return what the tool prints. Raises CommandFailed."""
        return run_tool(command)


def run_tool(command: Sequence[str]) -> str:
    """Return what the tool prints. Raises CommandFailed with what it says when it fails."""
    done = subprocess.run(
        [executable(command[0]), *command[1:]],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
    )
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        raise CommandFailed(f"{quoted(command)} failed:\n{said}", said)
    return done.stdout


def executable(name: str) -> str:
    """The full path: on Windows `az` is `az.cmd`, which only a search of PATH finds."""
    found = shutil.which(name)
    if found is None:
        raise CommandFailed(f"{name} is not installed, or not on PATH")
    return found


def quoted(command: Sequence[str]) -> str:
    return " ".join(f'"{part}"' if " " in part else part for part in command)


@contextmanager
def json_file(document: object) -> Iterator[str]:
    """The path of a file with the document: JSON among the arguments does not survive every shell."""
    handle, name = tempfile.mkstemp(suffix=".json")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file)
        yield name
    finally:
        Path(name).unlink()


def say(text: str) -> None:
    print(text, flush=True)


def summarise(markdown: str) -> None:
    """Add to the page that a run shows: GitHub's job summary or Azure DevOps' run summary; elsewhere print it."""
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(markdown + "\n")
    elif os.environ.get("TF_BUILD"):
        page = Path(os.environ.get("AGENT_TEMPDIRECTORY", tempfile.gettempdir())) / f"summary-{os.getpid()}.md"
        page.write_text(markdown, encoding="utf-8")
        say(f"##vso[task.uploadsummary]{page}")
    say(markdown)


def put_out(name: str, value: str) -> None:
    """Hand a value, of one line, to later steps and jobs of the pipeline. Elsewhere nothing happens."""
    if path := os.environ.get("GITHUB_OUTPUT"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{name}={value}\n")
    elif os.environ.get("TF_BUILD"):
        say(f"##vso[task.setvariable variable={name};isOutput=true]{value}")


def hide(secret: str) -> None:
    """Have the pipeline's log mask the value wherever it would show. Elsewhere nothing is printed."""
    if os.environ.get("GITHUB_ACTIONS"):
        say(f"::add-mask::{secret}")
    elif os.environ.get("TF_BUILD"):
        say(f"##vso[task.setsecret]{secret}")
