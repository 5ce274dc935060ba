import subprocess
from pathlib import Path

import pytest

from pipelines.steps.commands import ROOT
from pipelines.steps.tree import Ignored, application_files, copy_application


@pytest.mark.parametrize(
    ("name", "is_ignored"),
    [
        ("tests/shared/test_ids.py", True),
        ("shared/ids.py", False),
        ("shared/__pycache__/ids.cpython-313.pyc", True),
        (".github/workflows/ci.yml", True),
        ("functions/api/testing.py", False),
        (".env.local", True),
    ],
)
def test_a_pattern_is_for_files_and_folders_of_that_name(name: str, is_ignored: bool) -> None:
    assert (name in Ignored("# comment\n\ntests\n__pycache__/\n.git*\n.env*\n")) is is_ignored


@pytest.mark.parametrize("pattern", ["docs/how-to", "!tests", "/tests"])
def test_a_pattern_that_would_be_misunderstood_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="funcignore"):
        Ignored(pattern)


def test_the_application_is_what_runs_and_nothing_else() -> None:
    names = application_files(ROOT)

    assert {name.split("/")[0] for name in names} == {
        "function_app.py", "functions", "host.json", "requirements.txt", "shared",
    }  # fmt: skip
    folders = {str(Path(name).parent) for name in names}
    assert {"shared/catalog/data", "shared/console/static", "shared/console/templates"} <= folders


def test_what_git_ignores_or_nobody_has_named_is_not_shipped(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("secret.txt\n")
    (tmp_path / ".funcignore").write_text(".git*\n.funcignore\ntests\n")
    for name in (
        "secret.txt",
        "shared/secret.txt",
        "tests/test_a.py",
        "shared/new.py",
        "host.json",
        "left.pem",
        "tools/a.py",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)

    copy_application(tmp_path, tmp_path / "package")

    assert sorted(path.name for path in (tmp_path / "package").rglob("*") if path.is_file()) == ["host.json", "new.py"]
