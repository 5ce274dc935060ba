"""What each name in a template means: every one is declared, and every property read is there."""

from collections.abc import Iterator

from tests.infra.inference import Scope, infer, loop_scope
from tests.infra.shapes import ANY, Shape, meant, member, names, without_null
from tests.infra.syntax import Call, Declaration, Function, Loop, Member, Name, NamedType, Node, Object, Property, Text
from tests.infra.vocabulary import DECORATORS, FUNCTIONS, NAMESPACES, ONLY_IN_DEFAULTS, TYPES
from tests.infra.workspace import body_of

_LOADERS = ("loadTextContent", "loadYamlContent", "loadJsonContent", "loadFileAsBase64")
_VALUES = ("param", "var", "resource", "module")


def symbols(scope: Scope) -> Iterator[tuple[int, str]]:
    """Yield names that are not declared, calls that cannot be, and properties that nothing has."""
    for declaration in scope.template.declarations:
        yield from _imports(declaration, scope)
        yield from _decorated(declaration.decorators, declaration.kind, scope)
        inner = scope
        if declaration.parameters:
            shapes = {
                str(each.key): scope.workspace.shape(scope.template, each.value) for each in declaration.parameters
            }
            inner = scope.with_names(shapes)
        is_default = declaration.kind == "param"
        for part in (declaration.type, declaration.value, *(each.value for each in declaration.parameters)):
            yield from _visit(part, inner, is_default)


def _visit(node: Node | None, scope: Scope, is_default: bool) -> Iterator[tuple[int, str]]:
    match node:
        case None:
            return
        case Name():
            yield from _name(node, scope)
        case NamedType():
            yield from _type(node, scope)
        case Member():
            yield from _member(node, scope)
        case Call():
            yield from _call(node, scope, is_default)
        case Property():
            yield from _decorated(node.decorators, "property", scope)
    yield from _children(node, scope.with_names(_nested(node)) if isinstance(node, Object) else scope, is_default)


def _children(node: Node, scope: Scope, is_default: bool) -> Iterator[tuple[int, str]]:
    inner = scope
    match node:
        case Loop():
            yield from _visit(node.over, scope, is_default)
            children, inner = [node.body], loop_scope(node, scope)
        case Function():
            children, inner = [node.body], scope.with_names(dict.fromkeys(node.parameters, ANY))
        case Call(owner=Name()):
            children = list(node.arguments)
        case Declaration():
            children = [node.value] if node.value else []
        case Property():
            children = [each for each in (node.key, node.value) if isinstance(each, Node)]
        case _:
            children = list(node.children())
    for child in children:
        yield from _visit(child, inner, is_default)


def _nested(node: Object) -> dict[str, Shape]:
    return {each.name: ANY for each in node.properties if isinstance(each, Declaration)}


def _known(scope: Scope) -> set[str]:
    declared = {name for kind in _VALUES for name in scope.template.of(kind)}
    return declared | set(scope.local) | scope.workspace.imports(scope.template)


def _name(node: Name, scope: Scope) -> Iterator[tuple[int, str]]:
    known = _known(scope)
    if node.name not in known and node.name not in NAMESPACES:
        yield node.line, f"'{node.name}' is not declared: {meant(node.name, known)}"


def _type(node: NamedType, scope: Scope) -> Iterator[tuple[int, str]]:
    if scope.workspace.named(scope.template, node.path) is None:
        known = {*TYPES, *scope.template.of("type"), *scope.workspace.imports(scope.template)}
        yield node.line, f"the type '{'.'.join(node.path)}' is not declared: {meant(node.path[0], known)}"


def _member(node: Member, scope: Scope) -> Iterator[tuple[int, str]]:
    if isinstance(node.base, Name) and node.base.name in scope.workspace.imports(scope.template):
        return
    base = infer(node.base, scope)
    if member(base, node.name) is not None or _nested_in(node, scope):
        return
    if without_null(base).kind == "object":
        yield node.line, f"there is no '.{node.name}' here: {meant(node.name, names(base))}"
    elif without_null(base).kind != "union":
        yield (
            node.line,
            f"'.{node.name}' is read from {base}, which has no properties: correct what stands before the dot",
        )


def _nested_in(node: Member, scope: Scope) -> bool:
    resource = scope.template.of("resource").get(node.base.name) if isinstance(node.base, Name) else None
    body = body_of(resource.value) if resource else None
    return body is not None and node.name in _nested(body)


def _call(node: Call, scope: Scope, is_default: bool) -> Iterator[tuple[int, str]]:
    if node.owner is not None and not isinstance(node.owner, Name):
        yield from _method(node)
        return
    owner = node.owner.name if isinstance(node.owner, Name) else None
    if owner is not None and owner not in NAMESPACES and owner not in scope.workspace.imports(scope.template):
        yield from _method(node)
        return
    path = (owner, node.function) if owner and owner not in NAMESPACES else (node.function,)
    found = scope.workspace.find(scope.template, path, "func")
    if found:
        yield from _count(node, len(found[1].parameters), len(found[1].parameters))
    elif len(path) == 1 and node.function in FUNCTIONS:
        least, most, _ = FUNCTIONS[node.function]
        yield from _count(node, least, most)
        yield from _loaded(node, scope)
        if node.function in ONLY_IN_DEFAULTS and not is_default:
            yield node.line, f"{node.function}() is only allowed in the default of a parameter: make it one"
    else:
        known = {*FUNCTIONS, *scope.template.of("func"), *scope.workspace.imports(scope.template)}
        yield node.line, f"there is no function '{node.function}': {meant(node.function, known)}"


def _method(node: Call) -> Iterator[tuple[int, str]]:
    if not (node.function.startswith("list") or node.function == "getSecret"):
        yield (
            node.line,
            f"'.{node.function}()' is no function of what stands before the dot: only list…() and getSecret() are",
        )


def _count(node: Call, least: int, most: int) -> Iterator[tuple[int, str]]:
    if not least <= len(node.arguments) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}" if most < 99 else f"{least} or more"
        yield node.line, f"{node.function}() takes {wanted} arguments, not {len(node.arguments)}"


def _loaded(node: Call, scope: Scope) -> Iterator[tuple[int, str]]:
    first = node.arguments[0] if node.function in _LOADERS and node.arguments else None
    if isinstance(first, Text) and first.literal is None:
        yield (
            node.line,
            f"{node.function}() takes a plain string: nothing can be interpolated when the template is compiled",
        )
    elif isinstance(first, Text) and not (scope.template.path.parent / str(first.literal)).is_file():
        yield node.line, f"the file '{first.literal}' is not there: correct the path or add the file"


def _imports(declaration: Declaration, scope: Scope) -> Iterator[tuple[int, str]]:
    if declaration.kind != "import":
        return
    source = scope.workspace.beside(scope.template, declaration.reference)
    if source is None:
        yield declaration.line, f"'{declaration.reference}' is not there: correct the path or add the file"
        return
    exported = {each.name for each in source.declarations if each.decorator("export")}
    for name, _ in declaration.imported:
        if name != "*" and name not in exported:
            yield declaration.line, f"'{name}' is not exported by {declaration.reference}: {meant(name, exported)}"


def _decorated(decorators: tuple[Call, ...], kind: str, scope: Scope) -> Iterator[tuple[int, str]]:
    for each in decorators:
        if kind not in DECORATORS.get(each.function, ()):
            yield each.line, f"@{each.function}() is not for a {kind}: {meant(each.function, DECORATORS)}"
        for argument in each.arguments:
            yield from _visit(argument, scope, is_default=False)
