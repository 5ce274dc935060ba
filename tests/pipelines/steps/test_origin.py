from pathlib import Path
from typing import Any

import pytest

from pipelines.steps.commands import CommandFailed
from pipelines.steps.origin import check, main, run_of

GITHUB = {"GITHUB_REPOSITORY": "contoso/tollgate", "GITHUB_API_URL": "https://api.github.com", "GITHUB_RUN_ID": "9"}
DEVOPS = {
    "TF_BUILD": "True",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.com/contoso/",
    "SYSTEM_TEAMPROJECT": "AI Gateway",
    "SYSTEM_DEFINITIONID": "3",
}
RUN = {
    "path": ".github/workflows/deploy.yml",
    "head_branch": "main",
    "event": "push",
    "head_repository": {"full_name": "contoso/tollgate"},
}
BUILD = {"definition": {"id": 3}, "sourceBranch": "refs/heads/main", "reason": "individualCI"}


class Answers:
    """One answer to every question, and what was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, [""]

    def __call__(self, url: str) -> Any:
        self.asked.append(url)
        return self.answer


@pytest.mark.parametrize("event", ["push", "workflow_dispatch"])
def test_a_run_of_the_pipeline_on_the_main_branch_may_be_deployed_again(event: str) -> None:
    answers = Answers({**RUN, "event": event})

    check("7", GITHUB, answers)
    assert answers.asked[-1] == "https://api.github.com/repos/contoso/tollgate/actions/runs/7"


@pytest.mark.parametrize(
    "fault",
    [
        {"path": ".github/workflows/ci.yml"},
        {"head_branch": "feature"},
        {"event": "pull_request"},
        {"head_repository": {"full_name": "mallory/tollgate"}},
    ],
)
def test_a_file_of_the_packages_name_from_any_other_run_is_not_deployed(fault: dict[str, Any]) -> None:
    with pytest.raises(CommandFailed, match="may not be deployed"):
        check("7", GITHUB, Answers({**RUN, **fault}))


def test_the_run_itself_need_not_ask() -> None:
    answers = Answers(None)
    check("9", GITHUB, answers)
    assert answers.asked == [""]


@pytest.mark.parametrize("run", ["", "7/../8", "7 8", "-1", "main", "\u0667", "$(run)"])
def test_what_is_no_number_of_a_run_is_refused(run: str) -> None:
    with pytest.raises(CommandFailed, match="not the number of a run"):
        check(run, GITHUB, Answers(RUN))


def test_an_earlier_build_of_azure_devops_may_be_deployed_again() -> None:
    answers = Answers(BUILD)
    check("7", DEVOPS, answers)
    assert answers.asked[-1] == "https://dev.azure.com/contoso/AI%20Gateway/_apis/build/builds/7?api-version=7.1"


@pytest.mark.parametrize(
    "fault", [{"definition": {"id": 4}}, {"sourceBranch": "refs/heads/feature"}, {"reason": "pullRequest"}]
)
def test_a_build_of_a_branch_or_of_another_pipeline_is_not_deployed(fault: dict[str, Any]) -> None:
    with pytest.raises(CommandFailed, match="may not be deployed"):
        check("7", DEVOPS, Answers({**BUILD, **fault}))


def test_a_release_is_of_the_last_run_that_packaged_its_commit() -> None:
    runs = [{"id": 5, "head_sha": "a"}, {"id": 6, "head_sha": "a"}, {"id": 7, "head_sha": "b"}]
    answers = Answers({"workflow_runs": runs})

    assert run_of("a", GITHUB, answers) == "6"
    assert "branch=main" in answers.asked[-1]


def test_a_commit_that_was_never_merged_is_not_released() -> None:
    with pytest.raises(CommandFailed, match="never packaged on main"):
        run_of("a", GITHUB, Answers({"workflow_runs": []}))


def test_a_run_is_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**GITHUB, "PIPELINE_TOKEN": "t", "GITHUB_OUTPUT": str(tmp_path / "output")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["origin", "9"])

    main()

    assert (tmp_path / "output").read_text() == "run=9\n"


def test_outside_of_a_pipeline_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIPELINE_TOKEN", raising=False)
    monkeypatch.setattr("sys.argv", ["origin", "9"])

    with pytest.raises(SystemExit, match="PIPELINE_TOKEN"):
        main()
