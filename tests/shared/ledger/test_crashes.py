import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).parents[3]
FEWEST_STEPS = 20
"""Calls that a consumer makes until the queue is empty; it is killed at each, before and after."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is such a place: a process that is killed takes nothing from a file, so no disk is waited for."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as name:
        yield Path(name)


def kill_everywhere(folder: Path, moments: int, seeds: range) -> list[str]:
    command = [sys.executable, "-m", "tests.shared.ledger.consumer", str(folder), str(moments), *map(str, seeds)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_a_consumer_that_is_killed_at_any_step_loses_nothing_and_doubles_nothing(folder: Path) -> None:
    cases = kill_everywhere(folder, moments=12, seeds=range(1, 2))

    assert [each for each in cases if not each.startswith("ok")] == []
    assert len(cases) > 2 * FEWEST_STEPS


@pytest.mark.slow
def test_whatever_is_doubled_reordered_or_delayed_a_kill_changes_nothing(folder: Path) -> None:
    cases = kill_everywhere(folder, moments=120, seeds=range(2, 14))

    assert [each for each in cases if not each.startswith("ok")] == []
    assert len(cases) > 12 * 2 * FEWEST_STEPS
