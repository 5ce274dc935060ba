"""Whether what is written fits the shape that is asked for, property by property."""

from collections.abc import Iterator

from tests.infra.inference import Scope, infer, loop_scope
from tests.infra.shapes import ANY, Field, Shape, meant, mismatch, without_null
from tests.infra.syntax import Array, Choice, If, Literal, Loop, Node, Object, Property, Spread, Text

Problem = tuple[int, str]
"""A line and what is wrong there."""


def problems(node: Node, shape: Shape, scope: Scope, where: str) -> Iterator[Problem]:
    """Yield what keeps `node` from being a value of `shape`; `where` names the place in messages."""
    match node:
        case If(body=body):
            yield from problems(body, shape, scope, where)
        case Choice(then=then, otherwise=otherwise):
            yield from problems(then, shape, scope, where)
            yield from problems(otherwise, shape, scope, where)
        case Object() if (expected := _object_of(node, shape)) is not None:
            yield from _object(node, expected, scope, where)
        case Array() | Loop() if without_null(shape).kind == "array":
            yield from _items(node, without_null(shape).item or ANY, scope, where)
        case Literal(value=None):
            pass  # a property that is null is left out of the request
        case _:
            if why := mismatch(infer(node, scope), shape):
                yield node.line, f"{where}: {why}"


def _items(node: Array | Loop, shape: Shape, scope: Scope, where: str) -> Iterator[Problem]:
    if isinstance(node, Loop):
        yield from problems(node.body, shape, loop_scope(node, scope), f"{where}[]")
        return
    for position, item in enumerate(node.items):
        if not isinstance(item, Spread):
            yield from problems(item, shape, scope, f"{where}[{position}]")


def _object_of(node: Object, shape: Shape) -> Shape | None:
    """The object among the options of a shape that `node` is meant to be: the one that knows most of its properties."""
    shape = without_null(shape)
    if shape.kind != "union":
        return shape if shape.kind == "object" else None
    keys = {each.key for each in node.properties if isinstance(each, Property)}
    objects = [option for option in shape.options if option.kind == "object"]
    return max(objects, key=lambda option: len(keys & set(option.fields)), default=None)


def _object(node: Object, shape: Shape, scope: Scope, where: str) -> Iterator[Problem]:
    fields, extra = shape.fields, shape.extra
    if shape.discriminator:
        variant = _variant(node, shape)
        if variant is None:
            yield from _wrong_variant(node, shape, where)
            return
        fields, extra = fields | variant.fields, variant.extra or extra
    written = [each for each in node.properties if isinstance(each, Property)]
    for each in written:
        yield from _property(each, fields, extra, scope, where)
    keys = {each.key for each in written}
    if any(isinstance(each, Spread) for each in node.properties) or any(not isinstance(key, str) for key in keys):
        return  # what else there is, nobody can tell here
    lower = {str(key).lower() for key in keys}  # one of another case is told of above
    for name, known in fields.items():
        if known.required and not known.read_only and name.lower() not in lower:
            yield node.line, f"{where}.{name} is missing: add it, it is required"


def _property(
    each: Property, fields: dict[str, Field], extra: Shape | None, scope: Scope, where: str
) -> Iterator[Problem]:
    if not isinstance(each.key, str):
        return
    known = fields.get(each.key)
    place = f"{where}.{each.key}"
    if known is None and extra is None:
        yield each.line, f"{place} is no known property: {meant(each.key, fields)}"
    elif known is not None and known.read_only:
        yield each.line, f"{place} is read-only: remove it"
    else:
        yield from problems(each.value, known.shape if known else extra or ANY, scope, place)


def _variant(node: Object, shape: Shape) -> Shape | None:
    value = node.get(shape.discriminator or "")
    if isinstance(value, Text) and value.literal is not None:
        return shape.variants.get(value.literal)
    return ANY_OBJECT if value is not None or any(isinstance(each, Spread) for each in node.properties) else None


ANY_OBJECT = Shape("object", extra=ANY)


def _wrong_variant(node: Object, shape: Shape, where: str) -> Iterator[Problem]:
    value = node.get(shape.discriminator or "")
    if isinstance(value, Text):
        yield (
            value.line,
            f"{where}.{shape.discriminator}: '{value.literal}' is not allowed: {meant(value.literal or '', shape.variants)}",
        )
    else:
        yield (
            node.line,
            f"{where}.{shape.discriminator} is missing: it says which of {', '.join(shape.variants)} this is",
        )
