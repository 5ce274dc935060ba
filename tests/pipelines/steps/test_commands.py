import sys
from pathlib import Path

import pytest

from pipelines.steps.commands import CommandFailed, Commands, hide, json_file, summarise


def test_a_tool_that_is_missing_is_named() -> None:
    with pytest.raises(CommandFailed, match="no-such-tool is not installed"):
        Commands().read("no-such-tool")


def test_a_failure_says_what_the_tool_said() -> None:
    with pytest.raises(CommandFailed, match="out of luck"):
        Commands().text(sys.executable, "-c", "import sys; sys.exit('out of luck')")


def test_only_what_is_not_there_is_nothing() -> None:
    missing, broken = ("import sys; sys.exit('gh: Not Found (HTTP 404)')", "import sys; sys.exit('Forbidden')")

    assert Commands().find(sys.executable, "-c", missing) is None
    with pytest.raises(CommandFailed, match="Forbidden"):
        Commands().find(sys.executable, "-c", broken, "acme/HTTP 404")


def test_a_dry_run_counts_and_tells_and_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands = Commands(dry_run=True)

    assert commands.change("make a file", sys.executable, "-c", f"open({str(tmp_path / 'x')!r}, 'w')") is None
    assert (commands.changes, list(tmp_path.iterdir())) == (1, [])
    assert "would make a file" in capsys.readouterr().out


def test_the_file_of_a_document_is_gone_afterwards() -> None:
    with json_file({"a": 1}) as name:
        assert Path(name).read_text() == '{"a": 1}'
    assert not Path(name).exists()


def test_a_secret_is_masked_in_pipelines_and_printed_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hide("s3cret")
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    hide("s3cret")
    assert capsys.readouterr().out == "::add-mask::s3cret\n"


def test_azure_devops_gets_a_page_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TF_BUILD", "True")
    monkeypatch.setenv("AGENT_TEMPDIRECTORY", str(tmp_path))

    summarise("### Page")

    (page,) = tmp_path.iterdir()
    assert page.read_text() == "### Page"
    assert f"##vso[task.uploadsummary]{page}" in capsys.readouterr().out
