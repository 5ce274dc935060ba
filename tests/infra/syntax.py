"""What a Bicep file is made of: expressions, types and declarations, each with the line where it begins."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields


@dataclass(frozen=True, slots=True)
class Node:
    """`line` counts from 1."""

    line: int

    def children(self) -> Iterator["Node"]:
        """Yield the nodes directly inside this one."""
        for each in fields(self):
            value = getattr(self, each.name)
            for child in value if isinstance(value, tuple) else (value,):
                if isinstance(child, Node):
                    yield child

    def walk(self) -> Iterator["Node"]:
        """Yield this node and all inside it."""
        yield self
        for child in self.children():
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A number, a boolean or null."""

    value: int | bool | None


@dataclass(frozen=True, slots=True)
class Text(Node):
    """A string: texts and what is interpolated between them."""

    parts: tuple[str | Node, ...]

    @property
    def literal(self) -> str | None:
        """The string, unless something is interpolated."""
        return "".join(map(str, self.parts)) if all(isinstance(part, str) for part in self.parts) else None


@dataclass(frozen=True, slots=True)
class Name(Node):
    name: str


@dataclass(frozen=True, slots=True)
class Member(Node):
    """`base.name`, `base.?name` or, for a nested resource, `base::name`."""

    base: Node
    name: str
    safe: bool = False


@dataclass(frozen=True, slots=True)
class Index(Node):
    base: Node
    index: Node
    safe: bool = False


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A call of `function`, of a namespace (`sys.concat`) or of an import (`naming.name`) where `owner` is set."""

    function: str
    arguments: tuple[Node, ...]
    owner: Node | None = None


@dataclass(frozen=True, slots=True)
class Operation(Node):
    """`operator` on one operand or two; `!.` is the postfix that drops null."""

    operator: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice(Node):
    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Function(Node):
    """A lambda."""

    parameters: tuple[str, ...]
    body: Node


@dataclass(frozen=True, slots=True)
class Spread(Node):
    value: Node


@dataclass(frozen=True, slots=True)
class Property(Node):
    """`key` is a string unless it is interpolated; `*` stands for any other in a type. In a type `value` is a type."""

    key: str | Node
    value: Node
    decorators: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class Object(Node):
    properties: tuple[Node, ...]

    def get(self, key: str) -> Node | None:
        """The value written for `key`."""
        return next((p.value for p in self.properties if isinstance(p, Property) and p.key == key), None)


@dataclass(frozen=True, slots=True)
class Array(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Loop(Node):
    """`[for item in over: body]`."""

    item: str
    index: str | None
    over: Node
    body: Node


@dataclass(frozen=True, slots=True)
class If(Node):
    condition: Node
    body: Node


@dataclass(frozen=True, slots=True)
class NamedType(Node):
    """`string`, a declared type, or a path into one (`types.network.prefix`, `tags[*]`)."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LiteralType(Node):
    value: str | int | bool | None


@dataclass(frozen=True, slots=True)
class ResourceType(Node):
    """`resourceInput<'type@version'>` with the path behind it."""

    function: str
    reference: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArrayType(Node):
    item: Node


@dataclass(frozen=True, slots=True)
class TupleType(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class UnionType(Node):
    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class NullableType(Node):
    inner: Node


@dataclass(frozen=True, slots=True)
class ObjectType(Node):
    properties: tuple[Property, ...]


@dataclass(frozen=True, slots=True)
class Declaration(Node):
    """A statement. `kind` is its keyword; `reference` is the type of a resource, the path of a module, import or using.

    An import has `imported`, pairs of the name there and the name here; `*` is all of them. A func has `parameters`.
    """

    kind: str
    name: str
    decorators: tuple[Call, ...] = ()
    type: Node | None = None
    value: Node | None = None
    reference: str = ""
    existing: bool = False
    parameters: tuple[Property, ...] = ()
    imported: tuple[tuple[str, str], ...] = field(default=())

    def decorator(self, name: str) -> Call | None:
        """The decorator of that name."""
        return next((each for each in self.decorators if each.function == name), None)
