"""The command line as a person uses it, against a stub of the management API on this machine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.console import OPERATORS_KEY, Console
from tests.cli.stub import Stub


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as running:
        yield running


@pytest.fixture
def console(stub: Stub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Console]:
    """A console that speaks to the stub. Whatever a test does, the operator's key is in no output."""
    console = Console(stub.url, monkeypatch, capsys)
    yield console
    assert OPERATORS_KEY not in console.everything


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    def write(text: str, name: str = "gateway.yaml") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write
