"""Holds the reference of the command line to its parser."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from cli.arguments import parser
from cli.settings import DEFAULT_URL

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text()
CONNECTION = {"--url", "--key-file", "--entra-scope", "--insecure"}


def commands(of: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    groups = [action for action in of._actions if isinstance(action, argparse._SubParsersAction)]
    for group in groups:
        for word, inner in group.choices.items():
            yield from commands(inner, f"{name} {word}")
    if not groups:
        yield name, of


def arguments(of: argparse.ArgumentParser) -> set[str]:
    actions = [action for action in of._actions if "--help" not in action.option_strings]
    return {", ".join(action.option_strings) or str(action.metavar) for action in actions}


def documented(heading: str) -> set[str]:
    """The first cells of the table below a heading."""
    section = re.split(r"^#+ ", PAGE.split(f"{heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    cells = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| `")]
    return {cell.replace("`", "") for cell in cells}


def test_every_command_is_documented_with_its_arguments_and_no_other() -> None:
    found = {name: arguments(command) - CONNECTION for name, command in commands(parser(), "tollgate")}

    assert found == {name: documented(f"### {name}") for name in re.findall(r"^### (.+)$", PAGE, re.MULTILINE)}


def test_every_command_takes_the_connection_that_is_documented() -> None:
    assert documented("## Address and key") == CONNECTION | {"TOLLGATE_URL", "TOLLGATE_KEY"}
    assert all(arguments(command) >= CONNECTION for _, command in commands(parser(), "tollgate"))
    assert DEFAULT_URL in PAGE
