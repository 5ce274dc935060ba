"""Holds the reference of the management API to its code; `python -m tests.docs.test_management_api` writes the table."""

import importlib
import pkgutil
from pathlib import Path

import shared.management
from shared.directory.model import Role
from shared.management.operations import operations
from shared.management.problems import Problem
from shared.management.reference import table_of
from shared.management.requests import ExplainRequest
from tests.docs.test_reference import REFERENCE, rows

PAGE = REFERENCE / "management-api.md"
HEADING, NEXT = "\n## Operations\n\n", "\n## Reading and writing\n"


def table() -> str:
    return table_of(operations(has_secrets=True))


def write_table(page: Path = PAGE) -> None:
    text = page.read_text()
    before, after = text.split(HEADING)[0], text.split(NEXT)[1]
    page.write_text(f"{before}{HEADING}{table()}{NEXT}{after}")


def test_the_reference_has_the_table_of_operations() -> None:
    assert PAGE.read_text().split(HEADING)[1].split(NEXT)[0] == table()


def test_the_table_can_be_written_anew(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n{HEADING}an old table\n{NEXT}and the rest\n")

    write_table(page)

    assert page.read_text() == f"# Page\n{HEADING}{table()}{NEXT}and the rest\n"


def test_every_role_is_documented() -> None:
    assert {row[0] for row in rows("management-api.md") if row[0] in set(Role)} == set(Role)


def test_every_problem_is_documented_with_its_status_and_no_other() -> None:
    for module in pkgutil.iter_modules(shared.management.__path__, "shared.management."):
        importlib.import_module(module.name)
    raised = {
        (kind.code, kind.status)
        for kind in Problem.__subclasses__()
        if kind.__module__.startswith("shared.management.")
    }

    assert {(row[0], int(row[1])) for row in rows("management-api.md", "Errors")} == raised


def test_every_field_of_a_question_is_documented() -> None:
    documented = {row[0]: row[2] == "required" for row in rows("management-api.md", "What applies and why")}

    assert documented == {name: field.is_required() for name, field in ExplainRequest.model_fields.items()}


if __name__ == "__main__":
    write_table()
