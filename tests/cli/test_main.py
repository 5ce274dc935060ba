"""The edges of the program: help, wrong use, tokens of Entra ID, output that cannot be written."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError

from cli.__main__ import main
from tests.cli.console import Console
from tests.cli.stub import Stub

ROOT = Path(__file__).parents[2]
ME = {"id": "vk_1", "role": "developer"}


class Credential:
    def get_token(self, scope: str) -> object:
        if scope != "api://gateway/.default":
            raise ClientAuthenticationError("a page of text")
        return type("Token", (), {"token": "entra-token"})()


def test_it_runs_as_a_module() -> None:
    ran = subprocess.run([sys.executable, "-m", "cli", "--help"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.returncode == 0
    assert "usage: tollgate" in ran.stdout


@pytest.mark.parametrize(
    "arguments",
    [[], ["keys"], ["nothing"], ["keys", "show"], ["apply"], ["whoami", "--key", "sk-1"], ["whoami", "--key-f", "x"]],
)
def test_wrong_use_has_code_2(console: Console, arguments: list[str]) -> None:
    used = console(*arguments)

    assert (used.code, used.out) == (2, "")
    assert used.err.startswith("usage: tollgate")


@pytest.mark.parametrize("arguments", [["--url", "URL", "whoami"], ["whoami", "--url", "URL"]])
def test_the_address_may_stand_before_or_after_the_command(
    stub: Stub, console: Console, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("TOLLGATE_URL", "https://elsewhere.example")
    stub.tell("GET me", ME)

    assert console(*[stub.url if part == "URL" else part for part in arguments]).code == 0


def test_a_token_of_entra_id_takes_the_place_of_the_key(
    stub: Stub, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", Credential)
    monkeypatch.delenv("TOLLGATE_KEY")
    stub.tell("GET me", ME)

    assert console("whoami", "--entra-scope", "api://gateway/.default").code == 0
    assert stub.last.headers["authorization"] == "Bearer entra-token"
    refused = console("whoami", "--entra-scope", "api://other/.default")
    assert (refused.code, len(refused.errors)) == (1, 1)
    assert refused.errors[0].startswith("error: --entra-scope: no token could be had")


def test_text_that_is_no_text_is_refused(stub: Stub, console: Console) -> None:
    stub.problem("POST keys", 400, "The body is not valid JSON.")

    assert console("audit", "--target", "\udcff").errors == ["error: The address or an argument is not valid text."]
    assert console("keys", "mint", "--team", "a", "--name", "\udcff").errors == ["error: The body is not valid JSON."]


def test_output_that_the_terminal_cannot_show_is_told(
    stub: Stub, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.tell("GET me", {"id": "Ädä"})
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))

    assert main(["whoami"], console.waits.append) == 1


def test_an_interrupt_ends_quietly(stub: Stub, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    stub.problem("GET me", 503, "busy")

    assert main(["whoami"], interrupted) == 130


def test_a_reader_that_leaves_early_is_no_crash(stub: Stub) -> None:
    stub.tell("GET me", {f"name{number}": "x" * 100 for number in range(5000)})
    environment = {"TOLLGATE_URL": stub.url, "TOLLGATE_KEY": "sk-1"}
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "whoami"],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as ran:  # fmt: skip
        assert ran.stdout is not None
        assert ran.stderr is not None
        ran.stdout.readline()
        ran.stdout.close()
        assert ran.stderr.read() == b""
        assert ran.wait() == 1
