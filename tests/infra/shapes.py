"""Shapes of values, the common form of Azure's published types and of the types that templates declare."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches


@dataclass(slots=True, eq=False)
class Shape:
    """What a value may be. Mutable while it is built, as types may contain themselves.

    `kind` is any, string, int, bool, null, object, array or union. `values` are the only ones allowed, where that is not None.
    `low` and `high` bound a number, or the length of a string or array. An object takes properties beyond `fields` where `extra`
    is set; one with `variants` takes the fields of the variant that its property `discriminator` names.
    """

    kind: str
    value: str | int | bool | None = None
    is_literal: bool = False
    low: int | None = None
    high: int | None = None
    pattern: str | None = None
    fields: dict[str, "Field"] = field(default_factory=dict)
    extra: "Shape | None" = None
    item: "Shape | None" = None
    options: list["Shape"] = field(default_factory=list)
    discriminator: str | None = None
    variants: dict[str, "Shape"] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.is_literal:
            return f"'{self.value}'" if isinstance(self.value, str) else str(self.value).lower()
        if self.kind == "union":
            return " | ".join(str(option) for option in self.options[:8]) + (" | …" if self.options[8:] else "")
        return f"{self.item or 'any'}[]" if self.kind == "array" else self.kind


@dataclass(frozen=True, slots=True)
class Field:
    """A property of an object: who writes one that is read-only is refused."""

    shape: Shape
    required: bool = False
    read_only: bool = False


ANY, STRING, INT, BOOL, NULL = (Shape(kind) for kind in ("any", "string", "int", "bool", "null"))
OBJECT, ARRAY = Shape("object", extra=ANY), Shape("array", item=ANY)


def literal(value: str | int | bool | None) -> Shape:
    """The shape of one value alone."""
    if value is None:
        return NULL
    kind = "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "string"
    return Shape(kind, value, is_literal=True)


def union(options: Iterable[Shape]) -> Shape:
    """One of several; unions within are opened."""
    flat: list[Shape] = []
    for option in options:
        flat += option.options if option.kind == "union" else [option]
    if any(option.kind == "any" for option in flat):
        return ANY
    return flat[0] if len(flat) == 1 else Shape("union", options=flat)


def without_null(shape: Shape) -> Shape:
    """The shape once it is known not to be null."""
    if shape.kind != "union":
        return shape
    return union(option for option in shape.options if option.kind != "null") if shape.options else ANY


def member(shape: Shape, name: str) -> Shape | None:
    """The shape of a property; None where there is no such property."""
    shape = without_null(shape)
    if shape.kind == "union":
        found = [each for each in (member(option, name) for option in shape.options) if each]
        return union(found) if found else None
    if shape.kind == "object":
        return _member_of_object(shape, name)
    return ANY if shape.kind == "any" else None


def _member_of_object(shape: Shape, name: str) -> Shape | None:
    if name in shape.fields:
        return shape.fields[name].shape
    if shape.variants:
        found = [each for each in (member(variant, name) for variant in shape.variants.values()) if each]
        return union(found) if found else None
    return shape.extra


def names(shape: Shape) -> list[str]:
    """The names of all properties that an object of the shape may have."""
    shape = without_null(shape)
    return [*shape.fields, *(name for each in (*shape.options, *shape.variants.values()) for name in names(each))]


def meant(name: str, known: Iterable[str]) -> str:
    """The end of a message: what was probably meant, or else what there is."""
    known = sorted(set(known))
    same = [each for each in known if each.lower() == name.lower()]
    close = same or get_close_matches(name, known, 1)
    if close:
        return f"did you mean '{close[0]}'?"
    return "there is " + ", ".join(known[:12]) + (" …" if known[12:] else "") if known else "there is none"


def mismatch(actual: Shape, expected: Shape) -> str | None:
    """Why a value of one shape is none of another, or None where it may be one."""
    if "any" in (actual.kind, expected.kind):
        return None
    if actual.kind == "union":
        return next((why for each in without_null(actual).options or [ANY] if (why := mismatch(each, expected))), None)
    if expected.kind == "union":
        return _no_option(actual, expected)
    if actual.kind == "null":
        return None if expected.kind == "null" else f"null is given where {expected} is expected"
    if actual.kind != expected.kind:
        return f"{_described(actual)} is given where {expected} is expected"
    if actual.kind == "array":
        return mismatch(actual.item or ANY, expected.item or ANY)
    if actual.is_literal:
        return _out_of_bounds(actual, expected)
    return None


def _described(shape: Shape) -> str:
    return f"{'an' if shape.kind[0] in 'aio' else 'a'} {shape.kind}" + (f" ({shape})" if shape.is_literal else "")


def _no_option(actual: Shape, expected: Shape) -> str | None:
    reasons = [mismatch(actual, option) for option in expected.options]
    if None in reasons:
        allowed = [option.value for option in expected.options if option.is_literal]
        if actual.is_literal and allowed and actual.kind == "string" and actual.value not in allowed:
            # The services may take more than is published; what nobody published is a slip of the pen here.
            return f"{actual} is not among the published values: {meant(str(actual.value), map(str, allowed))}"
        return None
    if actual.is_literal and all(option.is_literal or option.kind == "null" for option in expected.options):
        known = [str(option.value) for option in expected.options if option.is_literal]
        return f"{actual} is not allowed here: {meant(str(actual.value), known)}"
    return f"{_described(actual)} is given where {expected} is expected"


def _out_of_bounds(actual: Shape, expected: Shape) -> str | None:
    value = actual.value
    if expected.is_literal:
        return None if value == expected.value else f"{actual} is given where {expected} is expected"
    size = len(value) if isinstance(value, str) else int(value or 0)
    what = "the length of " if isinstance(value, str) else ""
    if expected.low is not None and size < expected.low:
        return f"{what}{actual} must be at least {expected.low}"
    if expected.high is not None and size > expected.high:
        return f"{what}{actual} must be at most {expected.high}"
    if expected.pattern and isinstance(value, str) and not re.search(expected.pattern, value):
        return f"{actual} does not match {expected.pattern}"
    return None
