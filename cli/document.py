"""Reads a YAML file into plain values and remembers on which line each of them stands."""

import re
from dataclasses import dataclass, field
from datetime import date

import yaml

from cli.errors import Mistake, Misused

_NAMED = re.compile(r"\b(alias|anchor|tag|handle) ['\"].*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Document:
    """`lines` has the line of every field, written as in `teams[0].area`."""

    name: str
    root: dict[str, object]
    lines: dict[str, int]

    def place(self, path: str) -> str:
        """Return a field with its file and line, or the line of what is around it."""
        around = path
        while around and around not in self.lines:
            around = around[: max(around.rfind("."), around.rfind("["), 0)]
        return f"{self.name}:{self.lines.get(around, 1)}: {path}" if path else self.name


def read_document(name: str, raw: bytes) -> Document:
    """Raises Misused, which names line and field of everything that cannot be read."""
    try:
        root = yaml.compose(raw, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise Misused([_syntax(name, error)]) from None
    except RecursionError:
        raise Misused([Mistake(name, "is nested too deeply")]) from None
    if not isinstance(root, yaml.MappingNode):
        raise Misused([Mistake(f"{name}:1", "must be a mapping with sections such as teams and keys")])
    reader = _Reader(name)
    values = reader.mapping(root, "")
    if reader.mistakes:
        raise Misused(reader.mistakes)
    return Document(name, values, reader.lines)


@dataclass(slots=True)
class _Reader:
    name: str
    lines: dict[str, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    _constructor: yaml.constructor.SafeConstructor = field(default_factory=yaml.constructor.SafeConstructor)
    _open: list[yaml.Node] = field(default_factory=list)

    def mapping(self, node: yaml.MappingNode, path: str) -> dict[str, object]:
        result: dict[str, object] = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            inner = f"{path}.{name}" if path else name
            if not isinstance(key, yaml.ScalarNode):
                self._note(key, inner, "has a list or a mapping where a field's name should be")
            elif name in result:
                self._note(key, inner, "is written twice")
            self.lines[inner] = _line(key)
            result[name] = self._value(value, inner)
        return result

    def _value(self, node: yaml.Node, path: str) -> object:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if any(node is around for around in self._open):
            self._note(node, path, "contains itself")
            return None
        self._open.append(node)
        value = self.mapping(node, path) if isinstance(node, yaml.MappingNode) else self._sequence(node, path)
        self._open.pop()
        return value

    def _sequence(self, node: yaml.Node, path: str) -> list[object]:
        items = []
        for index, item in enumerate(node.value):
            self.lines[f"{path}[{index}]"] = _line(item)
            items.append(self._value(item, f"{path}[{index}]"))
        return items

    def _scalar(self, node: yaml.ScalarNode, path: str) -> object:
        try:
            value = self._constructor.construct_object(node)
        except (yaml.YAMLError, ValueError, LookupError, AttributeError):
            # An explicit tag on a text that does not fit it fails in any of these ways.
            self._note(node, path, "cannot be read as what its tag says")
            return None
        if isinstance(value, float):
            return str(node.value).replace("_", "")  # An amount keeps every digit.
        if isinstance(value, date):
            return value.isoformat()
        if value is None or isinstance(value, str | int):
            return value
        self._note(node, path, "must be text, a number, true or false")
        return None

    def _note(self, node: yaml.Node, path: str, message: str) -> None:
        self.mistakes.append(Mistake(f"{self.name}:{_line(node)}: {path}", message))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _syntax(name: str, error: yaml.YAMLError) -> Mistake:
    """Say what the parser says without the text that it quotes: a secret in the wrong place must not be shown."""
    mark = getattr(error, "problem_mark", None)
    said = _NAMED.sub(r"\1", str(getattr(error, "problem", None) or "cannot be read"))
    return Mistake(f"{name}:{mark.line + 1 if mark else 1}: yaml", said)
