"""What is measured of processes, and that none outlives its block."""

import os
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.load.processes import NotReady, Started, clean_environment, started


def run(code: str, directory: Path) -> AbstractContextManager[Started]:
    return started("it", [sys.executable, "-c", code], directory / "log", clean_environment(directory))


def test_memory_and_children_are_measured_and_end_with_the_block(tmp_path: Path) -> None:
    with run("import sys, time; print('up', flush=True); time.sleep(60)", tmp_path) as process:
        assert process.rss_mb() > 0
        assert process.cpu_s() >= 0
    assert process.process.returncode is not None
    with pytest.raises(ProcessLookupError):
        os.killpg(process.process.pid, 0)


def test_a_process_that_ends_before_it_answers_says_its_last_words(tmp_path: Path) -> None:
    with (
        run("import sys; sys.exit('no such setting')", tmp_path) as process,
        pytest.raises(NotReady, match="no such setting"),
    ):
        process.wait_for_200(1, b"GET / HTTP/1.1\r\n\r\n", timeout_s=20)


def test_nothing_of_the_callers_environment_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "secret")
    assert set(clean_environment(tmp_path, PORT="1")) == {"PATH", "HOME", "LANG", "PORT"}
