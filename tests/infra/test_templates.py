"""The templates of this repository: syntax, published types and symbols. It is not `bicep build`, which the pipeline runs."""

import json
from pathlib import Path

import pytest

from tests.infra.azure_types import EXTRACT, AzureTypes
from tests.infra.bicep import read
from tests.infra.check import check_folder
from tests.infra.deployed import ENVIRONMENTS, INFRA, resources, workspace
from tests.infra.extract_types import extract
from tests.infra.more_types import MORE_TYPES

TEMPLATES = sorted(INFRA.rglob("*.bicep"))
OF_CHECKS = Path(__file__).with_name("templates")


def test_the_templates_are_in_order() -> None:
    assert [str(each) for each in check_folder(INFRA)] == []


def test_the_extract_has_the_types_that_are_used_and_no_others() -> None:
    """If this fails, run `python -m tests.infra.extract_types` with the file of all types."""
    folders = (INFRA, OF_CHECKS)
    used = {
        reference
        for folder in folders
        for path in folder.rglob("*.bicep")
        for reference in workspace().references(workspace().template(path))
    }

    assert set(AzureTypes.load()) | set(MORE_TYPES) == used


def test_an_extract_of_the_extract_is_the_same(tmp_path: Path) -> None:
    target = tmp_path / "types.json"

    missing = extract(EXTRACT, (INFRA, OF_CHECKS), target)

    assert set(missing) <= set(MORE_TYPES)
    assert json.loads(target.read_text())["source"] == "Azure/bicep-types-az, MIT"
    assert target.read_text() == EXTRACT.read_text()


def test_every_module_is_used() -> None:
    used = {(path.parent / each.reference).resolve() for path in TEMPLATES for each in read(path).of("module").values()}

    assert {path.resolve() for path in (INFRA / "modules").glob("*.bicep")} - used == set()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_two_resources_have_one_name(environment: str) -> None:
    from collections import Counter

    named = Counter(
        (
            each.path.name,
            each.reference,
            each.symbol,
            str(each.body.get("parent", each.body.get("scope"))),
            each.body["name"],
        )
        for each in resources(environment)
    )

    assert [key for key, count in named.items() if count > 1 and "roleAssignments" in key[1]] == []
