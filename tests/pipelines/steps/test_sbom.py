import importlib.util
import json
from pathlib import Path

import pytest

from pipelines.steps.sbom import bill, canonical, libraries_in

METADATA = {
    "Fast_Api-1.0": "Name: Fast_Api\nVersion: 1.0\nLicense-Expression: MIT\nRequires-Dist: starlette>=1\n"
    "Requires-Dist: orjson; extra == 'all'\nRequires-Dist: not-here\n",
    "starlette-2.0": "Name: starlette\nVersion: 2.0\nClassifier: License :: OSI Approved :: BSD License\n",
    "old-0.1": "Name: old\nVersion: 0.1\nLicense: Apache 2.0\n and a long text\n",
    "none-3": "Name: none\nVersion: 3\n",
}


@pytest.fixture
def site_packages(tmp_path: Path) -> Path:
    for name, text in METADATA.items():
        (tmp_path / f"{name}.dist-info").mkdir()
        (tmp_path / f"{name}.dist-info" / "METADATA").write_text(text + "\nDescription\n")
    return tmp_path


def test_every_library_is_in_the_bill_with_its_licence(site_packages: Path) -> None:
    made = bill("tollgate", "0.1.0", libraries_in(site_packages), "d" * 64, {"o200k_base": "a" * 64})

    licences = {
        each["name"]: each.get("licenses", [None])[0] for each in made["components"] if each["type"] == "library"
    }
    assert licences == {
        "fast-api": {"expression": "MIT"},
        "starlette": {"license": {"name": "BSD License"}},
        "old": {"license": {"name": "Apache 2.0"}},
        "none": None,
    }


def test_the_bill_says_who_needs_whom(site_packages: Path) -> None:
    made = bill("tollgate", "0.1.0", libraries_in(site_packages), "d" * 64, {})

    needs = {each["ref"]: each["dependsOn"] for each in made["dependencies"]}
    assert needs["pkg:pypi/fast-api@1.0"] == ["pkg:pypi/starlette@2.0"]
    assert len(needs["pkg:generic/tollgate@0.1.0"]) == 4


def test_the_same_package_has_the_same_bill(site_packages: Path) -> None:
    one, same, other = (bill("tollgate", "1", libraries_in(site_packages), digest * 64, {}) for digest in "aab")

    assert one == same
    assert one["serialNumber"] != other["serialNumber"]


def test_the_bill_is_valid_cyclonedx(site_packages: Path) -> None:
    if importlib.util.find_spec("cyclonedx") is None:
        pytest.skip("cyclonedx-python-lib[json-validation] is not installed")
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    made = bill("tollgate", "0.1.0", libraries_in(site_packages), "d" * 64, {"o200k_base": "a" * 64})

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(made)) is None


@pytest.mark.parametrize("name", ["Jinja2", "jinja2"])
def test_names_are_compared_as_pypi_does(name: str) -> None:
    assert canonical(name) == "jinja2"
    assert canonical("azure_functions.runtime") == "azure-functions-runtime"
