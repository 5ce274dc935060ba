import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.steps import release
from pipelines.steps.archive import sha256_of
from pipelines.steps.commands import ROOT, CommandFailed, Commands
from pipelines.steps.package import version_of
from pipelines.steps.release import PAPERS, bundle, copy_sources, need_package_of
from tests.pipelines.cloud import Cloud

Now = Callable[..., Cloud]


def made(dist: Path, *, dirty: bool = False, version: str | None = None) -> Path:
    """A package with its papers."""
    dist.mkdir(exist_ok=True)
    about = {
        "name": "tollgate",
        "version": version or version_of(ROOT),
        "commit": "abc",
        "dirty": dirty,
        "python": "3.13",
    }
    for paper in PAPERS:
        (dist / paper).write_text("{}")
    with zipfile.ZipFile(dist / "tollgate.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("tollgate.json"), json.dumps(about))
    (dist / "tollgate.zip.sha256").write_text(f"{sha256_of(dist / 'tollgate.zip')}  tollgate.zip\n")
    return dist


def test_a_customer_gets_everything_that_a_deployment_needs(cloud: Now, tmp_path: Path) -> None:
    cloud(outputs={})
    target = bundle(Commands(), ROOT, made(tmp_path / "dist"))

    with zipfile.ZipFile(target) as archive:
        names = set(archive.namelist())
        scripts = {entry.filename for entry in archive.infolist() if entry.external_attr >> 16 & 0o111}
        archive.extractall(tmp_path / "customer")
    assert {
        "INSTALL.md", "SHA256SUMS", "compiled/main.json", "package/tollgate.zip", "package/tollgate.cdx.json",
        "package/tollgate.provenance.json", "pipelines/deploy.sh", "pipelines/deploy.ps1", "pipelines/steps/deploy.py",
        "pipelines/smoke.lock", "infra-bicep/README.md", "docs/how-to/deploy.md", "devhost/find_python.sh",
        "docs/how-to/upgrade.md", "docs/README.md",
    } <= names  # fmt: skip
    assert scripts == {name for name in names if name.endswith(".sh")}
    assert not [name for name in names if "__pycache__" in name or name.startswith(("shared/", "tests/", ".git"))]
    check = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "customer", check=False)
    assert check.returncode == 0


def test_the_bundle_is_the_same_each_time(cloud: Now, tmp_path: Path) -> None:
    cloud(outputs={})
    one = sha256_of(bundle(Commands(), ROOT, made(tmp_path / "one")))

    assert one == sha256_of(bundle(Commands(), ROOT, made(tmp_path / "other")))


@pytest.mark.parametrize("faults", [{"dirty": True}, {"version": "9.9.9"}])
def test_only_the_package_of_a_clean_commit_of_this_version_is_released(
    cloud: Now, tmp_path: Path, faults: dict[str, object]
) -> None:
    with pytest.raises(CommandFailed, match="clean checkout"):
        bundle(Commands(), ROOT, made(tmp_path / "dist", **faults))  # type: ignore[arg-type]


def test_a_template_that_does_not_compile_is_not_released(cloud: Now, tmp_path: Path) -> None:
    cloud(bicep_fails=True)

    with pytest.raises(CommandFailed, match="BCP007"):
        bundle(Commands(), ROOT, made(tmp_path / "dist"))
    assert not list((tmp_path / "dist").glob("tollgate-*.zip"))


def test_a_tag_is_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["release", "--tag", "v99.0.0"])

    with pytest.raises(SystemExit, match="v99"):
        release.main()


def test_the_package_is_of_the_commit_that_is_tagged(tmp_path: Path) -> None:
    package = made(tmp_path / "dist") / "tollgate.zip"

    need_package_of({"commit": "abc", "dirty": False}, package)
    for source in ({"commit": "def", "dirty": False}, {"commit": "abc", "dirty": True}):
        with pytest.raises(CommandFailed, match="commit abc"):
            need_package_of(source, package)


def test_what_git_ignores_beside_the_templates_is_not_released(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "infra-bicep").mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    (root / ".gitignore").write_text("*.local.bicepparam\n")
    for name in ("main.bicep", "main.local.bicepparam"):
        (root / "infra-bicep" / name).write_text(name)

    copy_sources(root, tmp_path / "bundle")

    assert [path.name for path in (tmp_path / "bundle").rglob("*.bicep*")] == ["main.bicep"]
