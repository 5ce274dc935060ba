"""The resources that each environment's parameter file asks for, evaluated once."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.infra.arithmetic import unknown
from tests.infra.azure_types import AzureTypes
from tests.infra.bicep import Template
from tests.infra.evaluation import Evaluator, deployment
from tests.infra.resource import Resource
from tests.infra.workspace import Workspace

INFRA = Path(__file__).parents[2] / "infra-bicep"
ENVIRONMENTS = ("dev", "staging", "prod")


@cache
def workspace() -> Workspace:
    return Workspace(AzureTypes.load())


@cache
def evaluated(environment: str) -> Evaluator:
    """The deployment of an environment."""
    return deployment(workspace(), INFRA / f"main.{environment}.bicepparam")


@cache
def resources(environment: str) -> tuple[Resource, ...]:
    """What is deployed in an environment, without what is there already."""
    return tuple(each for each in evaluated(environment).resources() if not each.existing)


def of_type(environment: str, type_: str) -> list[Resource]:
    """Those of one type; case does not matter."""
    return [each for each in resources(environment) if each.type.lower() == type_.lower()]


def module(file: str, **parameters: Any) -> list[Resource]:
    """What a module alone asks for. Parameters that are not given and have no default are unknown."""
    template = workspace().template(INFRA / "modules" / f"{file}.bicep")
    return list(Evaluator(workspace(), template, _filled(template, parameters)).resources())


def _filled(template: Template, parameters: dict[str, Any]) -> dict[str, Any]:
    missing = {
        name: [] if workspace().parameter(template, each).kind == "array" else unknown(name)
        for name, each in template.of("param").items()
        if each.value is None and name not in parameters
    }
    return missing | parameters


def values(body: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value within a body with its path."""
    if isinstance(body, dict):
        for key, value in body.items():
            yield from values(value, f"{path}.{key}" if path else key)
    elif isinstance(body, list):
        for at, value in enumerate(body):
            yield from values(value, f"{path}[{at}]")
    else:
        yield path, body
