"""The scripts for people: the same for both shells, and nothing but a way to the steps."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pipelines.steps.commands import ROOT

SHELL = sorted((ROOT / "pipelines").glob("*.sh"))
POWERSHELL = sorted((ROOT / "pipelines").glob("*.ps1"))


def name_of(path: Path) -> str:
    return path.name


def test_each_script_is_there_for_both_shells() -> None:
    assert [path.stem for path in SHELL] == [path.stem for path in POWERSHELL]
    assert {"bootstrap", "deploy", "smoketest", "logs"} <= {path.stem for path in SHELL}


@pytest.mark.parametrize("path", SHELL, ids=name_of)
def test_bash_can_read_it(path: Path) -> None:
    assert subprocess.run(["bash", "-n", str(path)], check=False).returncode == 0
    assert path.stat().st_mode & 0o111


def test_shellcheck_finds_nothing() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(["shellcheck", *map(str, SHELL)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", POWERSHELL, ids=name_of)
def test_powershell_can_read_it(path: Path) -> None:
    if importlib.util.find_spec("tree_sitter_powershell") is None:
        pytest.skip("tree-sitter-powershell is not installed")
    import tree_sitter
    import tree_sitter_powershell

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    assert not parser.parse(path.read_bytes()).root_node.has_error
    assert parser.parse(path.read_bytes().replace(b"{", b"", 1)).root_node.has_error


@pytest.mark.parametrize(("shell", "powershell"), list(zip(SHELL, POWERSHELL, strict=True)), ids=name_of)
def test_both_do_the_same_step(shell: Path, powershell: Path) -> None:
    steps = {tuple(re.findall(r"-m pipelines\.steps\.(\w+)", path.read_text())) for path in (shell, powershell)}

    ((step,),) = steps
    assert (ROOT / "pipelines" / "steps" / f"{step}.py").is_file()


@pytest.mark.parametrize("name", ["bootstrap", "deploy", "smoketest", "logs", "package"])
def test_a_script_tells_how_it_is_called(name: str) -> None:
    done = subprocess.run(
        [ROOT / "pipelines" / f"{name}.sh", "--help"], cwd="/", capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout
