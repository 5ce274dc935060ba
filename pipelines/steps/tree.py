"""Which files of the checkout are the application: below SHIPPED, those that git knows or would, less what .funcignore names."""

import shutil
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

# Named, so that a file that somebody leaves in the checkout is not shipped by chance.
SHIPPED = ("function_app.py", "functions", "host.json", "requirements.txt", "shared")


class Ignored:
    """The patterns of a .funcignore, of the one form used here: a shell pattern for one component of a path."""

    def __init__(self, text: str) -> None:
        lines = (line.strip() for line in text.splitlines())
        self.patterns = tuple(line.rstrip("/") for line in lines if line and not line.startswith("#"))
        unknown = [pattern for pattern in self.patterns if "/" in pattern or pattern.startswith("!")]
        if unknown:
            raise ValueError(
                f".funcignore: only the names of files and folders are understood, not {', '.join(unknown)}"
            )

    def __contains__(self, name: str) -> bool:
        return any(fnmatchcase(part, pattern) for part in name.split("/") for pattern in self.patterns)


def application_files(root: Path) -> list[str]:
    """Names of the files to ship, sorted. What .gitignore names is not among them, such as local settings."""
    ignored = Ignored((root / ".funcignore").read_text(encoding="utf-8"))
    return [name for name in known_files(root, *SHIPPED) if name not in ignored]


def known_files(root: Path, *below: str) -> list[str]:
    """Names of the files at or below these paths that git knows or would know, sorted."""
    git = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *below],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    return sorted({name for name in git.stdout.split("\0") if name and (root / name).is_file()})


def copy_application(root: Path, target: Path) -> None:
    for name in application_files(root):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, target / name)
