"""What the tests of the pipelines share: tools that only pretend, on PATH in front of the real ones."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipelines.steps.commands import CommandFailed
from tests.pipelines import cloud as stand_in
from tests.pipelines.cloud import LOCATION, Cloud


@pytest.fixture(autouse=True)
def outside_of_a_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests may themselves be run by one, whose page and log they must not write to."""
    for name in (
        "GITHUB_ACTIONS",
        "GITHUB_STEP_SUMMARY",
        "GITHUB_OUTPUT",
        "TF_BUILD",
        "GH_TOKEN",
        "TOLLGATE_URL",
        "TOLLGATE_KEY",
    ):
        monkeypatch.delenv(name, raising=False)


Now = Callable[..., Cloud]


def state_at(path: Path) -> Now:
    """Call it for the state as it is now; with keywords it is given that state first."""

    def now(**given: Any) -> Cloud:
        if given:
            path.write_text(json.dumps(Cloud(path).state | given))
        return Cloud(path)

    return now


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Now:
    """The tools of the steps, pretended in this process."""
    path = tmp_path / "cloud.json"

    def run(command: Sequence[str]) -> str:
        try:
            return stand_in.run(path, list(command))
        except stand_in.Refused as refusal:
            raise CommandFailed(str(refusal), str(refusal)) from refusal

    monkeypatch.setattr("pipelines.steps.commands.run_tool", run)
    return state_at(path)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Now:
    """The same as programs, in front of the real ones on PATH."""
    folder, path = tmp_path / "tools", tmp_path / "cloud.json"
    folder.mkdir()
    for name in ("az", "gh"):
        tool = folder / name
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{stand_in.__file__}" {name} "$@"\n')
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv(LOCATION, str(path))
    return state_at(path)


@pytest.fixture
def infra(tmp_path: Path) -> Path:
    """A folder of templates, small: parameters of three environments, and the roles."""
    folder = tmp_path / "infra-bicep"
    (folder / "modules").mkdir(parents=True)
    (folder / "main.bicep").write_text("targetScope = 'subscription'\n")
    for name in ("dev", "staging", "prod"):
        (folder / f"main.{name}.bicepparam").write_text("using './main.bicep'\n\nparam location = 'swedencentral'\n")
    (folder / "modules" / "roles.bicep").write_text(
        "var sender = '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'\nvar cosmos = '00000000-0000-0000-0000-000000000002'\n"
    )
    return folder
