"""What Azure must know before it starts to deploy: names, conditions and loops cannot wait for what a resource will say."""

from collections.abc import Iterator

from tests.infra.inference import Scope
from tests.infra.syntax import Declaration, If, Index, Loop, Member, Name, Node
from tests.infra.workspace import body_of

_KNOWN = ("id", "name", "type", "apiVersion", "location")


def known_at_start(scope: Scope) -> Iterator[tuple[int, str]]:
    """Yield names, conditions and loops that depend on the outcome of the deployment they are part of."""
    for kind in ("resource", "module"):
        for declaration in scope.template.of(kind).values():
            for node in _early(declaration):
                for late in _late(node, scope, frozenset()):
                    why = "is only known after deploying, and is needed before: pass it as a parameter"
                    yield late.line, f"{declaration.name}: '.{late.name}' {why}"


def _early(declaration: Declaration) -> Iterator[Node]:
    value = declaration.value
    while isinstance(value, Loop | If):
        yield value.over if isinstance(value, Loop) else value.condition
        value = value.body
    body = body_of(value)
    name = body.get("name") if body else None
    if name is not None:
        yield name


def _late(node: Node, scope: Scope, seen: frozenset[str]) -> Iterator[Member]:
    if isinstance(node, Member) and node.name not in _KNOWN and _is_of_deployment(node, scope):
        yield node
        return
    variable = scope.template.of("var").get(node.name) if isinstance(node, Name) else None
    if variable and variable.value and variable.name not in seen:
        yield from _late(variable.value, scope, seen | {variable.name})
    for child in node.children():
        yield from _late(child, scope, seen)


def _root(node: Node) -> Node:
    return _root(node.base) if isinstance(node, Index) else node


def _is_of_deployment(node: Member, scope: Scope) -> bool:
    root = _root(node.base)
    if not isinstance(root, Name):
        return False
    body = body_of(resource.value) if (resource := scope.template.of("resource").get(root.name)) else None
    if body is not None:
        # A resource inside another is named like a property.
        return not any(isinstance(each, Declaration) and each.name == node.name for each in body.properties)
    return root.name in scope.template.of("module")
