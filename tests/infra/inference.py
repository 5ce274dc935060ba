"""What an expression gives, as far as it can be told without deploying."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.infra.bicep import Template
from tests.infra.shapes import (
    ANY,
    BOOL,
    INT,
    OBJECT,
    STRING,
    Field,
    Shape,
    literal,
    member,
    union,
    without_null,
)
from tests.infra.syntax import (
    Array,
    Call,
    Choice,
    Declaration,
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
from tests.infra.vocabulary import FUNCTIONS, NAMESPACES
from tests.infra.workspace import Workspace

_TRUTHS = ("==", "!=", "=~", "!~", "<", ">", "<=", ">=", "&&", "||", "!")


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a name is looked up: the local names of loops and lambdas first. `open` are the variables being inferred."""

    workspace: Workspace
    template: Template
    local: dict[str, Shape] = field(default_factory=dict)
    open: frozenset[str] = frozenset()

    def with_names(self, names: dict[str, Shape]) -> "Scope":
        return replace(self, local=self.local | names)


def infer(node: Node | None, scope: Scope) -> Shape:
    """Return the shape of an expression; any where it depends on what is not known here."""
    known = _INFERRED.get(type(node))
    return known(node, scope) if known else ANY


def loop_scope(loop: Loop, scope: Scope) -> Scope:
    """The names that a loop's body has."""
    names = {loop.item: without_null(infer(loop.over, scope)).item or ANY}
    return scope.with_names(names | ({loop.index: INT} if loop.index else {}))


def _name(name: str, scope: Scope) -> Shape:
    if name in scope.local:
        return scope.local[name]
    template = scope.template
    if declaration := template.of("param").get(name):
        return (
            ANY
            if declaration.type is None
            else without_default(declaration, scope.workspace.parameter(template, declaration))
        )
    if declaration := template.of("resource").get(name):
        return _many(declaration, resource_shape(declaration.reference, scope))
    if declaration := template.of("module").get(name):
        return _many(declaration, _module(declaration, scope))
    found = scope.workspace.find(template, (name,), "var")
    if found is None or name in scope.open:
        return ANY
    source, declaration, _ = found
    if declaration.type is not None:
        return scope.workspace.shape(source, declaration.type)
    return infer(declaration.value, Scope(scope.workspace, source, open=scope.open | {name}))


def without_default(declaration: Declaration, shape: Shape) -> Shape:
    """A parameter with a default is never null."""
    return without_null(shape) if declaration.value is not None else shape


def _many(declaration: Declaration, shape: Shape) -> Shape:
    return Shape("array", item=shape) if isinstance(declaration.value, Loop) else shape


def resource_shape(reference: str, scope: Scope) -> Shape:
    """What can be read of a resource."""
    body = scope.workspace.azure.shape(reference)
    if body is None:
        return ANY
    return replace(body, fields=body.fields | {name: Field(STRING) for name in ("id", "name", "type", "apiVersion")})


def _module(declaration: Declaration, scope: Scope) -> Shape:
    source = scope.workspace.beside(scope.template, declaration.reference)
    if source is None:
        return ANY
    outputs = {name: Field(scope.workspace.decorated(source, each)) for name, each in source.of("output").items()}
    return Shape("object", fields={"name": Field(STRING), "outputs": Field(Shape("object", fields=outputs))})


def _item(node: Index, scope: Scope) -> Shape:
    base = without_null(infer(node.base, scope))
    if isinstance(node.index, Text) and node.index.literal is not None:
        return member(base, node.index.literal) or ANY
    return (base.item or ANY) if base.kind == "array" else ANY


def _call(node: Call, scope: Scope) -> Shape:
    owner = node.owner.name if isinstance(node.owner, Name) else None
    if node.owner is None or owner in NAMESPACES:
        if node.function in FUNCTIONS and not scope.workspace.find(scope.template, (node.function,), "func"):
            return FUNCTIONS[node.function][2]
        path: tuple[str, ...] = (node.function,)
    elif owner is None:
        return ANY
    else:
        path = (owner, node.function)
    found = scope.workspace.find(scope.template, path, "func")
    return scope.workspace.shape(found[0], found[1].type) if found else ANY


def _operation(node: Operation, scope: Scope) -> Shape:
    if node.operator == "!.":
        return without_null(infer(node.operands[0], scope))
    if node.operator == "??":
        left, right = (infer(each, scope) for each in node.operands)
        return union([without_null(left), right])
    return BOOL if node.operator in _TRUTHS else INT


def _object(node: Object, scope: Scope) -> Shape:
    if not all(isinstance(each, Property) and isinstance(each.key, str) for each in node.properties):
        return OBJECT
    pairs = ((each.key, each.value) for each in node.properties if isinstance(each, Property))
    return Shape("object", fields={str(key): Field(infer(value, scope)) for key, value in pairs})


def _member(node: Member, scope: Scope) -> Shape:
    found = member(infer(node.base, scope), node.name) or ANY
    return union([found, literal(None)]) if node.safe else found


def _array(node: Array, scope: Scope) -> Shape:
    return Shape("array", item=union(infer(item, scope) for item in node.items) if node.items else ANY)


_INFERRED: dict[type, Callable[[Any, Scope], Shape]] = {
    Literal: lambda node, scope: literal(node.value),
    Text: lambda node, scope: STRING if node.literal is None else literal(node.literal),
    Name: lambda node, scope: _name(node.name, scope),
    Member: _member,
    Index: _item,
    Call: _call,
    Operation: _operation,
    Choice: lambda node, scope: union([infer(node.then, scope), infer(node.otherwise, scope)]),
    Object: _object,
    Array: _array,
    Spread: lambda node, scope: infer(node.value, scope).item or ANY,
    Loop: lambda node, scope: Shape("array", item=infer(node.body, loop_scope(node, scope))),
}
