"""Compiles and lints the templates and every parameter file: `python -m pipelines.steps.check_infra`. Needs no sign-in."""

import sys
import tempfile
from pathlib import Path

from pipelines.steps.commands import ROOT, CommandFailed, Commands, say


def compile_into(commands: Commands, infra: Path, target: Path) -> list[Path]:
    """Write main.json and a JSON for each parameter file; return their paths. Raises CommandFailed."""
    target.mkdir(parents=True, exist_ok=True)
    main = target / "main.json"
    commands.text("az", "bicep", "build", "--file", str(infra / "main.bicep"), "--outfile", str(main))
    written = [main]
    for parameters in sorted(infra.glob("main.*.bicepparam")):
        written.append(target / f"{parameters.stem}.json")
        commands.text("az", "bicep", "build-params", "--file", str(parameters), "--outfile", str(written[-1]))
    return written


def main() -> None:
    infra = ROOT / "infra-bicep"
    commands = Commands()
    try:
        commands.show("az", "bicep", "lint", "--file", str(infra / "main.bicep"))
        with tempfile.TemporaryDirectory() as scratch:
            written = compile_into(commands, infra, Path(scratch))
    except CommandFailed as failure:
        sys.exit(str(failure))
    say(f"compiled: {', '.join(path.name for path in written)}")


if __name__ == "__main__":
    main()
