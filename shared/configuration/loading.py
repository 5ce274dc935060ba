"""Reads the YAML file and says, for everything that is wrong with it, the line and the field."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from shared.configuration.model import Configuration
from shared.configuration.references import Path as FieldPath
from shared.configuration.references import broken_references

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: `line` counts from 1, `field` is written as in `keys[0].team`."""

    line: int
    field: str
    message: str


class ConfigurationInvalid(Exception):
    """The file cannot be used; `problems` lists everything that is wrong with it."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self.problems = problems
        lines = [f"  {path}:{problem.line}: {problem.field}: {problem.message}" for problem in problems]
        super().__init__("The configuration is not valid:\n" + "\n".join(lines))


def load_configuration(path: Path, environment: Mapping[str, str]) -> Configuration:
    """Return the checked configuration. Raises ConfigurationInvalid, and OSError for a file that cannot be read."""
    try:
        root = yaml.compose(path.read_bytes(), Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = Problem(mark.line + 1 if mark else 1, "yaml", getattr(error, "problem", None) or "cannot be read")
        raise ConfigurationInvalid(path, [problem]) from None
    if not isinstance(root, yaml.MappingNode):
        raise ConfigurationInvalid(
            path, [Problem(1, "file", "must be a mapping with version, deployments, routes, teams")]
        )
    document, problems = _Reader(environment).read(root)
    if problems:
        raise ConfigurationInvalid(path, problems)
    try:
        config = Configuration.model_validate(document)
    except ValidationError as error:
        problems = [
            Problem(_line(root, detail["loc"]), _dotted(detail["loc"]), _sentence(detail["msg"]))
            for detail in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigurationInvalid(path, _once(problems)) from None
    dangling = [Problem(_line(root, place), _dotted(place), message) for place, message in broken_references(config)]
    if dangling:
        raise ConfigurationInvalid(path, dangling)
    return config


class _Reader:
    """Builds plain values from nodes, with duplicate keys refused and `endpoint: env:NAME` resolved."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._problems: list[Problem] = []
        self._constructor = yaml.constructor.SafeConstructor()

    def read(self, root: yaml.MappingNode) -> tuple[object, list[Problem]]:
        return self._value(root, ()), self._problems

    def _value(self, node: yaml.Node, place: FieldPath) -> object:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*place, index)) for index, item in enumerate(node.value)]
        try:
            value = self._constructor.construct_object(node)
        except yaml.YAMLError as error:
            self._note(node, place, getattr(error, "problem", None) or "cannot be read")
            return None
        if place and place[-1] == "endpoint" and isinstance(value, str) and value.startswith("env:"):
            return self._variable(node, place, value.removeprefix("env:"))
        return value

    def _mapping(self, node: yaml.MappingNode, place: FieldPath) -> dict[str, object]:
        result: dict[str, object] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in result:
                self._note(key, (*place, name), "is written twice")
            result[name] = self._value(value, (*place, name))
        return result

    def _variable(self, node: yaml.Node, place: FieldPath, name: str) -> str | None:
        value = self._environment.get(name)
        if not value:
            self._note(node, place, f"the environment variable {name} is not set")
        return value

    def _note(self, node: yaml.Node, place: FieldPath, message: str) -> None:
        self._problems.append(Problem(node.start_mark.line + 1, _dotted(place), message))


def _line(root: yaml.Node, place: FieldPath) -> int:
    """The line of the field, or of the nearest thing around it that is written in the file."""
    node = root
    for step in place:
        found = _child(node, step)
        if found is None:
            break
        node = found
    return int(node.start_mark.line) + 1


def _child(node: yaml.Node, step: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        child: yaml.Node = node.value[step]
        return child
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    return None


def _dotted(place: FieldPath) -> str:
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "file"


def _sentence(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Extra inputs are not permitted", "is not a known field")


def _once(problems: list[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))
