from typing import Any

import pytest
from jsonschema import validate

from devhost.simulator.example import example

NODE: Any = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
            "required": ["next"],
        }
    },
    "$ref": "#/$defs/node",
}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string", "minLength": 9}}, "required": ["a"]},
        {"type": "array", "items": {"enum": [3]}, "minItems": 2},
        {"type": "integer", "minimum": 5, "multipleOf": 4},
        {"type": "number", "exclusiveMinimum": 1},
        {"type": "number", "maximum": -3},
        {"type": ["null", "string"]},
        {"const": "x"},
        {"oneOf": [{"type": "boolean"}, {"type": "null"}]},
        {"allOf": [{"required": ["a"]}, {"type": "object", "properties": {"a": {"type": "integer"}}}]},
        {"type": "string", "format": "date-time"},
        {"type": "string", "maxLength": 2},
        NODE,
    ],
)
def test_the_example_satisfies_its_schema(schema: Any) -> None:
    validate(example(schema), schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "minItems": 10**12, "items": {"type": "string", "minLength": 10**9, "maxLength": 1}},
        {"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "required": ["a", "b"]},
        {"$ref": "#"},
    ],
)
def test_an_endless_schema_ends(schema: Any) -> None:
    assert len(str(example(schema))) < 10**6
