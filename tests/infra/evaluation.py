"""Evaluates a template with given parameters, so that tests can look at the resources that a deployment would ask for.

What only Azure knows (addresses, keys, identities) stays `Unknown`. A condition that depends on it counts as true.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.infra.arithmetic import AZURE, CONTENT, COUNTING, OPERATORS, PURE, Unknown, unknown
from tests.infra.bicep import Template
from tests.infra.resource import Deployed, Resource, flat, with_inner
from tests.infra.syntax import (
    Array,
    Call,
    Choice,
    Declaration,
    Function,
    If,
    Index,
    Literal,
    Loop,
    Member,
    Name,
    Node,
    Object,
    Operation,
    Property,
    Spread,
    Text,
)
from tests.infra.vocabulary import NAMESPACES
from tests.infra.workspace import Workspace

Local = dict[str, Any]


class EvaluationFailed(Exception):
    """The template uses what this evaluator does not know, or fails by itself."""


class Evaluator:
    """A template and its parameters."""

    def __init__(self, workspace: Workspace, template: Template, parameters: dict[str, Any]) -> None:
        self._workspace = workspace
        self._template = template
        self._parameters = parameters
        self._values: dict[str, Any] = {}
        self._nested: dict[str, list[Evaluator]] = {}

    def output(self, name: str) -> Any:
        """The value of an output."""
        return self.value(self._template.of("output")[name].value, {})

    def resources(self) -> Iterator[Resource]:
        """Yield all resources, those of modules after their own."""
        for name in self._template.of("resource"):
            for each in flat(self.named(name)):
                yield from with_inner(each)
        for name in self._template.of("module"):
            self.named(name)
            for evaluator in self._nested.get(name, ()):
                yield from evaluator.resources()

    def named(self, name: str) -> Any:
        """The value of a parameter, variable, resource or module."""
        if name not in self._values:
            self._values[name] = self._named(name)
        return self._values[name]

    def _named(self, name: str) -> Any:
        template = self._template
        if declaration := template.of("param").get(name):
            given = self._parameters.get(name)
            return given if given is not None or declaration.value is None else self.value(declaration.value, {})
        if declaration := template.of("resource").get(name):
            return self._each(declaration, partial(self._resource, declaration, declaration.reference), {})
        if declaration := template.of("module").get(name):
            return self._each(declaration, partial(self._module, declaration), {})
        found = self._workspace.find(template, (name,), "var")
        if found is None:
            raise EvaluationFailed(f"{template.path}: {name} is not declared")
        source, variable, _ = found
        evaluator = self if source is template else Evaluator(self._workspace, source, {})
        return evaluator.value(variable.value, {})

    def _each(self, declaration: Declaration, make: Callable[[Object, Local], Any], outer: Local) -> Any:
        def made(node: Node | None, local: Local) -> Any:
            if isinstance(node, Loop):
                return [made(node.body, inner) for inner in self._turns(node, local)]
            if isinstance(node, If):
                return made(node.body, local) if self.value(node.condition, local) else None
            return make(node, local) if isinstance(node, Object) else None

        return made(declaration.value, outer)

    def _resource(self, declaration: Declaration, reference: str, node: Object, local: Local) -> Deployed:
        inner: Local = {}
        own = tuple(each for each in node.properties if not isinstance(each, Declaration))
        body = self.value(Object(node.line, own), local)
        type_, version = reference.split("@")
        for each in node.properties:
            if isinstance(each, Declaration):
                below = f"{type_}/{each.reference}" + ("" if "@" in each.reference else f"@{version}")
                inner[each.name] = self._each(each, partial(self._resource, each, below), local | inner)
        return Deployed(Resource(self._template.path, declaration.name, reference, body, declaration.existing), inner)

    def _module(self, declaration: Declaration, node: Object, local: Local) -> Any:
        source = self._workspace.beside(self._template, declaration.reference)
        if source is None:
            raise EvaluationFailed(f"{self._template.path}: {declaration.reference} is not there")
        params = node.get("params")
        evaluator = Evaluator(self._workspace, source, self.value(params, local) if params else {})
        self._nested.setdefault(declaration.name, []).append(evaluator)
        return evaluator

    def _turns(self, loop: Loop, local: Local) -> Iterator[Local]:
        for at, item in enumerate(self.value(loop.over, local)):
            yield local | {loop.item: item} | ({loop.index: at} if loop.index else {})

    def value(self, node: Node | None, local: Local) -> Any:
        """Evaluate an expression. Raises EvaluationFailed."""
        evaluate = getattr(self, f"_{type(node).__name__.lower()}", None)
        if evaluate is None:
            raise EvaluationFailed(f"{self._template.path}: {node} cannot be evaluated")
        return evaluate(node, local)

    def _literal(self, node: Literal, local: Local) -> Any:
        return node.value

    def _text(self, node: Text, local: Local) -> str:
        return "".join(part if isinstance(part, str) else _shown(self.value(part, local)) for part in node.parts)

    def _name(self, node: Name, local: Local) -> Any:
        return local[node.name] if node.name in local else self.named(node.name)

    def _array(self, node: Array, local: Local) -> list[Any]:
        return [each for item in node.items for each in self._items(item, local)]

    def _loop(self, node: Loop, local: Local) -> list[Any]:
        found = (self.value(node.body, inner) for inner in self._turns(node, local))
        return [each for each in found if each is not None]

    def _if(self, node: If, local: Local) -> Any:
        return self.value(node.body, local) if self.value(node.condition, local) else None

    def _choice(self, node: Choice, local: Local) -> Any:
        return self.value(node.then if self.value(node.condition, local) else node.otherwise, local)

    def _member(self, node: Member, local: Local) -> Any:
        return _read(self.value(node.base, local), node.name, node)

    def _index(self, node: Index, local: Local) -> Any:
        return _read(self.value(node.base, local), self.value(node.index, local), node)

    def _function(self, node: Function, local: Local) -> Callable[..., Any]:
        return lambda *given: self.value(node.body, local | dict(zip(node.parameters, given, strict=False)))

    def _object(self, node: Object, local: Local) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for each in node.properties:
            if isinstance(each, Spread):
                found |= self.value(each.value, local) or {}
            elif isinstance(each, Property):
                key = each.key if isinstance(each.key, str) else self.value(each.key, local)
                found[key] = self.value(each.value, local)
        return found

    def _items(self, node: Node, local: Local) -> list[Any]:
        return self.value(node.value, local) if isinstance(node, Spread) else [self.value(node, local)]

    def _operation(self, node: Operation, local: Local) -> Any:
        first = self.value(node.operands[0], local)
        if len(node.operands) == 1:
            return {"!": not first, "-": -first if isinstance(first, int) else first, "!.": first}[node.operator]
        if node.operator in ("&&", "||", "??"):
            goes_on = {"&&": bool(first), "||": not first, "??": first is None}[node.operator]
            return self.value(node.operands[1], local) if goes_on else first
        second = self.value(node.operands[1], local)
        if node.operator not in ("==", "!=") and (isinstance(first, Unknown) or isinstance(second, Unknown)):
            return unknown(f"{first} {node.operator} {second}")
        return first - second if node.operator == "-" else OPERATORS[node.operator](first, second)

    def _call(self, node: Call, local: Local) -> Any:
        owner = node.owner.name if isinstance(node.owner, Name) else None
        imports = self._workspace.imports(self._template)
        if node.owner is not None and owner not in NAMESPACES and owner not in imports:
            return unknown(f"{node.function}()")
        arguments = [self.value(each, local) for each in node.arguments]
        path = (owner, node.function) if owner in imports else (node.function,)
        found = self._workspace.find(self._template, tuple(map(str, path)), "func")
        if found:
            source, function, _ = found
            names = (str(each.key) for each in function.parameters)
            return Evaluator(self._workspace, source, {}).value(
                function.value, dict(zip(names, arguments, strict=True))
            )
        return self._built_in(node.function, arguments)

    def _built_in(self, function: str, arguments: list[Any]) -> Any:
        if function in CONTENT:
            return CONTENT[function](self._template.path.parent / arguments[0])
        if function in COUNTING and any(isinstance(each, Unknown) for each in arguments):
            return unknown(f"{function}()")
        if function in PURE:
            return PURE[function](*arguments)
        if function in AZURE:
            return AZURE[function](*arguments)
        if function == "fail":
            raise EvaluationFailed(str(arguments[0]))
        return unknown(f"{function}({', '.join(map(str, arguments))})")


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(base: Any, key: Any, node: Member | Index) -> Any:
    if isinstance(base, Unknown):
        return base.at(str(key))
    if isinstance(base, Deployed):
        return base.inner[key] if key in base.inner else base.resource.at(key)
    if isinstance(base, Evaluator):
        return _Outputs(base)
    if isinstance(base, _Outputs):
        return base.evaluator.output(key)
    if isinstance(base, dict):
        return base.get(key)
    if isinstance(base, list | str):
        return base[key] if key < len(base) else None
    if base is None and (node.safe or isinstance(node, Member)):
        return None  # of what is not deployed
    raise EvaluationFailed(f"line {node.line}: {key} cannot be read from {base!r}")


@dataclass(frozen=True, slots=True)
class _Outputs:
    evaluator: Evaluator


def deployment(workspace: Workspace, parameters: Path, changed: dict[str, Any] | None = None) -> Evaluator:
    """Return the evaluator of a file of parameters' template with the values of that file, but for those that are `changed`."""
    file = workspace.template(parameters)
    reader = Evaluator(workspace, file, {})
    values = {name: reader.value(each.value, {}) for name, each in file.of("param").items()}
    template = workspace.beside(file, file.of("using")["using"].reference)
    if template is None:
        raise EvaluationFailed(f"{parameters}: the template it uses is not there")
    return Evaluator(workspace, template, values | (changed or {}))
