"""Runs commands as they are typed, and keeps what they write."""

import io
from dataclasses import dataclass, field

import pytest

from cli.__main__ import main

OPERATORS_KEY = "sk-the-operators-own-key-that-nobody-may-see"


@dataclass(frozen=True, slots=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def errors(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("error: ")]


class Typed(io.TextIOWrapper):
    """A stdin that answers questions, or one that is a pipe."""

    def __init__(self, text: str, *, is_person: bool) -> None:
        super().__init__(io.BytesIO(text.encode()), encoding="utf-8")
        self._is_person = is_person

    def isatty(self) -> bool:
        return self._is_person


@dataclass
class Console:
    url: str
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    everything: str = ""
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.monkeypatch.setenv("TOLLGATE_URL", self.url)
        self.monkeypatch.setenv("TOLLGATE_KEY", OPERATORS_KEY)

    def __call__(self, *arguments: str, typed: str | None = None, piped: str = "") -> Result:
        """Run one command; `typed` is what a person answers, `piped` what a pipe gives."""
        stdin = Typed(piped if typed is None else typed, is_person=typed is not None)
        self.monkeypatch.setattr("sys.stdin", stdin)
        try:
            code = main(arguments, self.waits.append)
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = self.capsys.readouterr()
        self.everything += out + err
        assert "Traceback" not in err
        return Result(code, out, err)
