import json
import zipfile
from pathlib import Path

import pytest

from pipelines.steps.archive import sha256_of
from pipelines.steps.choose_package import main
from pipelines.steps.deploy_app import checked


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "tollgate.zip"
    about = {"name": "tollgate", "version": "0.1.0", "commit": "abc", "dirty": False}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tollgate.json", json.dumps(about))
    path.with_name("tollgate.zip.sha256").write_text(f"{sha256_of(path)}  tollgate.zip\n")
    return path


def run(package: Path, sha256: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """The page of the run, and what is handed on."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setattr("sys.argv", ["choose_package", "prod", str(package), "--sha256", sha256])
    main()
    return (tmp_path / "page").read_text(), (tmp_path / "output").read_text()


@pytest.mark.parametrize("is_given", [True, False])
def test_who_approves_sees_what_will_run(
    package: Path, is_given: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = sha256_of(package)
    page, handed_on = run(package, digest if is_given else "", tmp_path, monkeypatch)

    assert f"sha256:{digest}" in page
    assert "prod is to run tollgate 0.1.0" in page
    assert handed_on == f"sha256={digest}\n"


def test_another_package_than_this_run_has_made_is_not_shown(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match="not the package that was tested"):
        run(package, "0" * 64, tmp_path, monkeypatch)


def test_azure_devops_is_handed_it_too(
    package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TF_BUILD", "True")
    monkeypatch.setattr("sys.argv", ["choose_package", "prod", str(package)])
    main()

    assert f"##vso[task.setvariable variable=sha256;isOutput=true]{sha256_of(package)}" in capsys.readouterr().out


def test_an_empty_digest_is_no_digest(package: Path) -> None:
    with pytest.raises(Exception, match="no digest"):
        checked(package, "")
