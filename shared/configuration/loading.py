"""Reads the YAML file and says, for everything that is wrong with it, the line and the field."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from shared.configuration.model import Configuration
from shared.configuration.references import Path as FieldPath
from shared.configuration.references import broken_references
from shared.settings import Settings

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

INLINE = "TOLLGATE_CONFIG_INLINE"

MAX_DEPTH = 32
"""Levels of nesting; a valid file has five."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: `line` counts from 1, `field` is written as in `keys[0].team`."""

    line: int
    field: str
    message: str


class ConfigurationInvalid(Exception):
    """The file cannot be used; `problems` lists everything that is wrong with it."""

    def __init__(self, source: Path | str, problems: list[Problem]) -> None:
        self.problems = problems
        lines = [f"  {source}:{problem.line}: {problem.field}: {problem.message}" for problem in problems]
        super().__init__("The configuration is not valid:\n" + "\n".join(lines))


def configuration_of(settings: Settings) -> Configuration:
    """Return the configuration that the settings name or hold. Raises as the functions below do."""
    if settings.config_path is not None:
        return load_configuration(settings.config_path, settings.environment)
    return parse_configuration((settings.config_inline or "").encode(), INLINE, settings.environment)


def load_configuration(path: Path, environment: Mapping[str, str]) -> Configuration:
    """Return the checked configuration. Raises ConfigurationInvalid, and OSError for a file that cannot be read."""
    return parse_configuration(path.read_bytes(), path, environment)


def parse_configuration(raw: bytes, source: Path | str, environment: Mapping[str, str]) -> Configuration:
    """Return the checked configuration; `source` is what problems name as its place. Raises ConfigurationInvalid."""
    try:
        root = _compose(raw)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigurationInvalid(source, [Problem(mark.line + 1 if mark else 1, "yaml", _said(error))]) from None
    if not isinstance(root, yaml.MappingNode):
        raise ConfigurationInvalid(
            source, [Problem(1, "file", "must be a mapping with version, deployments, routes, teams")]
        )
    document, problems = _Reader(environment).read(root)
    try:
        config = Configuration.model_validate(document)
    except ValidationError as error:
        raise ConfigurationInvalid(source, _together(problems, _shortcomings(root, error))) from None
    if problems:
        raise ConfigurationInvalid(source, problems)
    dangling = [Problem(_line(root, place), _dotted(place), message) for place, message in broken_references(config)]
    if dangling:
        raise ConfigurationInvalid(source, _together(dangling, []))
    return config


class _TooDeep(yaml.YAMLError):
    problem = "is nested too deeply"

    def __init__(self, mark: object) -> None:
        super().__init__()
        self.problem_mark = mark


def _compose(raw: bytes) -> yaml.Node | None:
    """Parse without recursing into what is nested beyond reason: the parser in C would overrun its stack."""
    depth = 0
    for event in yaml.parse(raw, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _TooDeep(event.start_mark)
    root: yaml.Node | None = yaml.compose(raw, Loader=_Loader)
    return root


def _said(error: Exception) -> str:
    """What the parser says, without the text that it quotes: a secret in the wrong place must not be shown."""
    said = ", ".join(part for name in ("context", "problem") if (part := getattr(error, name, None)))
    return re.sub(r"\b(alias|anchor|tag|handle) ['\"].*", r"\1", said, flags=re.DOTALL) or "cannot be read"


def _shortcomings(root: yaml.Node, error: ValidationError) -> list[Problem]:
    return [
        Problem(_line(root, detail["loc"]), _dotted(detail["loc"]), _sentence(detail["msg"]))
        for detail in error.errors(include_input=False, include_url=False)
    ]


def _together(read: list[Problem], checked: list[Problem]) -> list[Problem]:
    """All problems once, in the order of the file; what could not be read need not also be called wrong."""
    noted = {problem.field for problem in read}
    found = [*read, *(problem for problem in checked if problem.field not in noted)]
    return sorted(dict.fromkeys(found), key=lambda problem: problem.line)


class _Reader:
    """Builds plain values from nodes, with duplicate keys refused and `endpoint: env:NAME` resolved."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._problems: list[Problem] = []
        self._constructor = yaml.constructor.SafeConstructor()
        self._open: list[yaml.Node] = []

    def read(self, root: yaml.MappingNode) -> tuple[object, list[Problem]]:
        return self._value(root, ()), self._problems

    def _value(self, node: yaml.Node, place: FieldPath) -> object:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place)
        if any(node is around for around in self._open):
            self._note(node, place, "contains itself")
            return None
        self._open.append(node)
        value = self._mapping(node, place) if isinstance(node, yaml.MappingNode) else self._sequence(node, place)
        self._open.pop()
        return value

    def _scalar(self, node: yaml.ScalarNode, place: FieldPath) -> object:
        try:
            value = self._constructor.construct_object(node)
        except (yaml.YAMLError, ValueError, LookupError, AttributeError) as error:
            # An explicit tag on a text that does not fit it fails in any of these ways.
            self._note(node, place, _said(error))
            return None
        if place and place[-1] == "endpoint" and isinstance(value, str) and value.startswith("env:"):
            return self._variable(node, place, value.removeprefix("env:"))
        return value

    def _sequence(self, node: yaml.Node, place: FieldPath) -> list[object]:
        return [self._value(item, (*place, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, place: FieldPath) -> dict[str, object]:
        result: dict[str, object] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._note(key, place, "has a list or a mapping where a field's name should be")
                continue
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
    """The line of the field's name, or of the nearest thing around it that is written in the file."""
    node, named = root, root
    for step in place:
        found = _child(node, step)
        if found is None:
            break
        named, node = found
    return int(named.start_mark.line) + 1


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The name and the value of a field; an item of a list is its own name."""
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    if isinstance(node, yaml.MappingNode):
        return next((pair for pair in node.value if pair[0].value == step), None)
    return None


def _dotted(place: FieldPath) -> str:
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "file"


def _sentence(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Extra inputs are not permitted", "is not a known field")
