"""Writes the locks anew after a change of what they lock: `python -m pipelines.steps.lock`.

It needs uv, which resolves for the platform of the function app whatever this machine is.
"""

import re
import sys

from pipelines.steps.commands import ROOT, CommandFailed, Commands
from pipelines.steps.libraries import PYTHON
from pipelines.steps.sbom import LOCKED, canonical

LOCKS = {
    "requirements.txt": "pipelines/requirements.lock",
    "pipelines/smoke.txt": "pipelines/smoke.lock",
    "pipelines/audit.txt": "pipelines/audit.lock",
}
HEADER = """# Every library with the hashes of its files, for Linux on x86-64 and Python {python}.
# Written by `python -m pipelines.steps.lock` from {source}; a test fails while the two differ.
"""


def pins_of(text: str) -> dict[str, str]:
    """Versions by name."""
    return {canonical(name): version for name, version in LOCKED.findall(re.sub(r"[ \t]*#.*", "", text))}


def differences(requirements: str, lock: str) -> list[str]:
    """What of the requirements the lock does not have, and what it has for nobody's sake, in words."""
    wanted, locked = pins_of(requirements), pins_of(lock)
    missing = [
        f"{name}=={version} is not in the lock" for name, version in wanted.items() if locked.get(name) != version
    ]
    asked_for = {
        canonical(match[1]) for match in re.finditer(r"^([\w.-]+)==.*# via +-r ", flattened(lock), re.MULTILINE)
    }
    return missing + [f"{name} is in the lock and nobody asks for it" for name in sorted(asked_for - set(wanted))]


def flattened(lock: str) -> str:
    """One line a library: its pin and whom it is for, without hashes."""
    without_hashes = re.sub(r" \\(?=\n)|\n +--hash=\S+", "", lock)
    return re.sub(r"\n +#( via)?", " # via", without_hashes)


def main() -> None:
    try:
        for source, target in LOCKS.items():
            text = Commands().text(
                "uv", "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--only-binary", ":all:",
                "--python-version", PYTHON, "--python-platform", "x86_64-manylinux_2_28", source,
            )  # fmt: skip
            (ROOT / target).write_text(HEADER.format(python=PYTHON, source=source) + text, encoding="utf-8")
    except CommandFailed as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
