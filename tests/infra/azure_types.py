"""The published definitions of Azure's resource types (Azure/bicep-types-az, MIT), of those the templates use."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from tests.infra.more_types import MORE_TYPES
from tests.infra.shapes import ANY, BOOL, INT, NULL, STRING, Field, Shape, literal

EXTRACT = Path(__file__).with_name("azure-types.json")
_REQUIRED, _READ_ONLY = 1, 2
_PLAIN = {"AnyType": ANY, "BooleanType": BOOL, "NullType": NULL}


class AzureTypes:
    """Shapes of resources by `type@version`; case does not matter, as in Azure."""

    def __init__(self, definitions: dict[str, list[dict[str, Any]]]) -> None:
        self._definitions = definitions
        self._names = {name.lower(): name for name in (*definitions, *MORE_TYPES)}
        self._shapes = dict(MORE_TYPES)

    @classmethod
    def load(cls, path: Path = EXTRACT) -> "AzureTypes":
        """Read a file of definitions."""
        return _loaded(path)

    def name(self, reference: str) -> str | None:
        """The reference as it is published, or None where it is not."""
        return self._names.get(reference.lower())

    def versions(self, reference: str) -> list[str]:
        """The versions there are of the type that `reference` names with some version."""
        start = reference.split("@")[0].lower() + "@"
        return sorted(name.split("@")[1] for key, name in self._names.items() if key.startswith(start))

    def shape(self, reference: str) -> Shape | None:
        """What the body of a resource may be, or None where the type or version is not known."""
        name = self.name(reference)
        if name is None:
            return None
        if name not in self._shapes:
            self._shapes[name] = _Shapes(self._definitions[name]).shape(0)
        return self._shapes[name]

    def __contains__(self, reference: str) -> bool:
        return self.name(reference) is not None

    def __iter__(self) -> Any:
        return iter(self._definitions)


@cache
def _loaded(path: Path) -> AzureTypes:
    return AzureTypes(json.loads(path.read_text(encoding="utf-8"))["types"])


class _Shapes:
    """Turns a list of definitions, which point at each other by position, into shapes. The first one is the body."""

    def __init__(self, definitions: list[dict[str, Any]]) -> None:
        self._definitions = definitions
        self._built: dict[int, Shape] = {}

    def shape(self, position: int) -> Shape:
        if position not in self._built:
            definition = self._definitions[position]
            kind = definition["$type"]
            if kind in _PLAIN:
                return _PLAIN[kind]
            shape = self._built[position] = Shape("any")
            getattr(self, f"_{kind.lower()}")(shape, definition)
        return self._built[position]

    def _at(self, reference: dict[str, str]) -> Shape:
        return self.shape(int(reference["$ref"].rsplit("/", 1)[1]))

    def _stringtype(self, shape: Shape, definition: dict[str, Any]) -> None:
        shape.kind, shape.pattern = STRING.kind, definition.get("pattern")
        shape.low, shape.high = definition.get("minLength"), definition.get("maxLength")

    def _integertype(self, shape: Shape, definition: dict[str, Any]) -> None:
        shape.kind, shape.low, shape.high = INT.kind, definition.get("minValue"), definition.get("maxValue")

    def _stringliteraltype(self, shape: Shape, definition: dict[str, Any]) -> None:
        only = literal(definition["value"])
        shape.kind, shape.value, shape.is_literal = only.kind, only.value, True

    def _uniontype(self, shape: Shape, definition: dict[str, Any]) -> None:
        shape.kind, shape.options = "union", [self._at(each) for each in definition["elements"]]

    def _arraytype(self, shape: Shape, definition: dict[str, Any]) -> None:
        shape.kind, shape.item = "array", self._at(definition["itemType"])

    def _objecttype(self, shape: Shape, definition: dict[str, Any]) -> None:
        shape.kind, shape.fields = "object", self._fields(definition["properties"])
        if shape.fields:
            # The snapshot was made without documentation, and lost the properties called so along with it.
            shape.fields.setdefault("description", Field(STRING))
        extra = definition.get("additionalProperties")
        shape.extra = self._at(extra) if extra else None

    def _discriminatedobjecttype(self, shape: Shape, definition: dict[str, Any]) -> None:
        shape.kind, shape.discriminator = "object", definition["discriminator"]
        shape.fields = self._fields(definition.get("baseProperties", {}))
        shape.variants = {value: self._at(each) for value, each in definition["elements"].items()}

    def _fields(self, properties: dict[str, Any]) -> dict[str, Field]:
        return {
            name: Field(self._at(each["type"]), bool(each["flags"] & _REQUIRED), bool(each["flags"] & _READ_ONLY))
            for name, each in properties.items()
        }
