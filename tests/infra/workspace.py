"""The templates of a folder, what their names mean across imports, and the shapes of the types they declare."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.infra.azure_types import AzureTypes
from tests.infra.bicep import Template, read
from tests.infra.shapes import ANY, ARRAY, OBJECT, Field, Shape, literal, member, union
from tests.infra.syntax import (
    ArrayType,
    Declaration,
    If,
    LiteralType,
    Loop,
    NamedType,
    Node,
    NullableType,
    Object,
    ObjectType,
    ResourceType,
    Text,
    TupleType,
    UnionType,
)
from tests.infra.vocabulary import TYPES


def body_of(value: Node | None) -> Object | None:
    """The object of a resource or module, within its loop and condition."""
    while isinstance(value, Loop | If):
        value = value.body
    return value if isinstance(value, Object) else None


class Workspace:
    """Templates are read once."""

    def __init__(self, azure: AzureTypes) -> None:
        self.azure = azure
        self._templates: dict[Path, Template] = {}
        self._declared: dict[tuple[Path, str], Shape] = {}

    def template(self, path: Path) -> Template:
        """Read a template. Raises FileNotFoundError."""
        path = path.resolve()
        if path not in self._templates:
            self._templates[path] = read(path)
        return self._templates[path]

    def beside(self, template: Template, reference: str) -> Template | None:
        """The template that a module, import or using of `template` names; None where there is none."""
        path = template.path.parent / reference
        return self.template(path) if reference and path.is_file() else None

    def find(self, template: Template, path: tuple[str, ...], kind: str) -> tuple[Template, Declaration, int] | None:
        """Where a var, type or func is declared, here or where it is imported from, and how much of `path` names it."""
        if path[0] in template.of(kind):
            return template, template.of(kind)[path[0]], 1
        for each in template.of("import").values():
            source = self.beside(template, each.reference)
            for there, here in each.imported if source else ():
                name, used = (path[1], 2) if there == "*" and len(path) > 1 else (there, 1)
                if here == path[0] and source and name in source.of(kind):
                    return source, source.of(kind)[name], used
        return None

    def imports(self, template: Template) -> set[str]:
        """The names that imports bring into a template."""
        return {here for each in template.of("import").values() for _, here in each.imported}

    def resources(self, template: Template) -> Iterator[tuple[Declaration, str]]:
        """All resources with their full type, nested ones too."""
        for each in template.of("resource").values():
            yield from self._with_nested(each, each.reference)

    def _with_nested(self, resource: Declaration, reference: str) -> Iterator[tuple[Declaration, str]]:
        yield resource, reference
        body = body_of(resource.value)
        for each in body.properties if body else ():
            if isinstance(each, Declaration):
                yield from self._with_nested(each, _nested(reference, each.reference))

    def references(self, template: Template) -> set[str]:
        """The types of resources, `type@version`, that a template uses."""
        found = {reference for _, reference in self.resources(template)}
        nodes = (node for each in template.declarations for node in each.walk())
        return found | {node.reference for node in nodes if isinstance(node, ResourceType)}

    def shape(self, template: Template, node: Node | None) -> Shape:
        """The shape of a type as it is written; any where a name in it is unknown."""
        match node:
            case NamedType(path=path):
                return self.named(template, path) or ANY
            case LiteralType(value=value):
                return literal(value)
            case ArrayType(item=item):
                return Shape("array", item=self.shape(template, item))
            case NullableType(inner=inner):
                return union([self.shape(template, inner), literal(None)])
            case UnionType(options=options):
                return union(self.shape(template, option) for option in options)
            case ObjectType():
                return self._fill(Shape("object"), template, node)
            case TupleType():
                return ARRAY
            case ResourceType(reference=reference, path=path):
                return _along(self.azure.shape(reference), path) or ANY
        return ANY

    def named(self, template: Template, path: tuple[str, ...]) -> Shape | None:
        """The shape of a type by name; None where there is no such type."""
        if path[0] in TYPES and len(path) == 1:
            return TYPES[path[0]]
        found = self.find(template, path, "type")
        if found is None:
            return None
        source, declaration, used = found
        return _along(self._declaration(source, declaration), path[used:])

    def _declaration(self, template: Template, declaration: Declaration) -> Shape:
        key = template.path, declaration.name
        if key not in self._declared:
            if isinstance(declaration.type, ObjectType):
                shape = self._declared[key] = Shape("object")  # known before it is filled: it may contain itself
                self._fill(shape, template, declaration.type)
            else:
                self._declared[key] = ANY
                self._declared[key] = self.decorated(template, declaration)
        return self._declared[key]

    def decorated(self, template: Template, declaration: Declaration) -> Shape:
        """The shape of a declared type, parameter or output with what its decorators add."""
        shape = self.shape(template, declaration.type)
        if discriminator := declaration.decorator("discriminator"):
            return _discriminated(shape, discriminator.arguments)
        bounds = {each.function: _number(each.arguments) for each in declaration.decorators}
        low, high = bounds.get("minLength", bounds.get("minValue")), bounds.get("maxLength", bounds.get("maxValue"))
        if shape.kind in ("string", "int", "array") and (low is not None or high is not None):
            return replace(shape, low=low, high=high)
        return shape

    def _fill(self, shape: Shape, template: Template, node: ObjectType) -> Shape:
        for each in node.properties:
            inner = self.decorated(
                template, Declaration(each.line, "property", str(each.key), each.decorators, each.value)
            )
            if each.key == "*":
                shape.extra = inner
            else:
                is_nullable = inner.kind == "union" and any(option.kind == "null" for option in inner.options)
                shape.fields[str(each.key)] = Field(inner, required=not is_nullable)
        return shape

    def parameter(self, template: Template, declaration: Declaration) -> Shape:
        """What a parameter takes."""
        allowed = declaration.decorator("allowed")
        if allowed and allowed.arguments:
            items = [item for item in allowed.arguments[0].children() if isinstance(item, Text)]
            return union(literal(item.literal) for item in items) if items else OBJECT
        return self.decorated(template, declaration)


def _nested(parent: str, reference: str) -> str:
    type_, version = parent.split("@")
    return f"{type_}/{reference}" if "@" in reference else f"{type_}/{reference}@{version}"


def _along(shape: Shape | None, path: tuple[str, ...]) -> Shape | None:
    for name in path:
        if shape is not None:
            shape = (shape.item or ANY) if name == "*" else member(shape, name)
    return shape


def _number(arguments: tuple[Node, ...]) -> int | None:
    value = getattr(arguments[0], "value", None) if arguments else None
    return value if isinstance(value, int) else None


def _discriminated(shape: Shape, arguments: tuple[Node, ...]) -> Shape:
    key = (arguments[0].literal or "") if arguments and isinstance(arguments[0], Text) else ""
    options = shape.options if shape.kind == "union" else [shape]
    variants = {str(option.fields[key].shape.value): option for option in options if key in option.fields}
    found = Shape("object", discriminator=key, variants=variants)
    return union([found, literal(None)]) if any(option.kind == "null" for option in options) else found
