import subprocess
from pathlib import Path

from pipelines.steps.provenance import source_of, statement

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "contoso/tollgate",
    "GITHUB_RUN_ID": "7",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_WORKFLOW_REF": "contoso/tollgate/.github/workflows/deploy.yml@refs/heads/main",
}
DEVOPS = {
    "TF_BUILD": "True",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.com/contoso/",
    "SYSTEM_TEAMPROJECT": "tollgate",
    "BUILD_BUILDID": "9",
    "BUILD_REPOSITORY_URI": "https://dev.azure.com/contoso/_git/tollgate",
}


def test_the_statement_names_the_package_its_source_and_who_built_it() -> None:
    made = statement({"tollgate.zip": "a" * 64}, {"commit": "c", "dirty": False}, {"lock": "b" * 64}, GITHUB)

    assert made["subject"] == [{"name": "tollgate.zip", "digest": {"sha256": "a" * 64}}]
    assert made["predicate"]["buildDefinition"]["externalParameters"] == {
        "repository": "https://github.com/contoso/tollgate", "commit": "c", "dirty": False,
    }  # fmt: skip
    details = made["predicate"]["runDetails"]
    assert details["builder"]["id"] == "https://github.com/contoso/tollgate/.github/workflows/deploy.yml"
    assert details["metadata"]["invocationId"].endswith("/actions/runs/7/attempts/2")


def test_azure_devops_and_a_machine_of_ones_own_are_named_too() -> None:
    devops, local = (statement({}, {}, {}, environment)["predicate"]["runDetails"] for environment in (DEVOPS, {}))

    assert devops["metadata"]["invocationId"] == "https://dev.azure.com/contoso/tollgate/_build/results?buildId=9"
    assert local["builder"]["id"] == "local"


def test_a_changed_file_shows(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "file").write_text("1")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "one")
    assert source_of(tmp_path)["dirty"] is False
    assert len(source_of(tmp_path)["commit"]) == 40
    (tmp_path / "file").write_text("2")
    assert source_of(tmp_path)["dirty"] is True


def test_a_tree_without_git_is_not_taken_for_clean(tmp_path: Path) -> None:
    assert source_of(tmp_path) == {"commit": "unknown", "dirty": True}
