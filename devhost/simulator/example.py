"""The smallest value that satisfies a JSON schema, for structured outputs and tool arguments."""

from collections.abc import Mapping
from typing import Any

_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "PT1S",
    "email": "a@example.com",
    "hostname": "example.com",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com",
}
_DEEP = 6
_DEEPEST = 40
_MOST_VALUES = 5_000
_LONGEST_TEXT = 10_000


def example(schema: Mapping[str, Any]) -> Any:
    """Return a value that the schema admits; `pattern` and `not` are beyond it, and so are endless values."""
    return _Writer(schema).value(schema, 0)


class _Writer:
    """Writes one value, bounded in depth and size: schemas come from callers."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._left = _MOST_VALUES

    def value(self, schema: Any, depth: int) -> Any:
        self._left -= 1
        if not isinstance(schema, Mapping) or self._left < 0 or depth > _DEEPEST:
            return None
        if "$ref" in schema:
            return self.value(self._resolved(schema), depth + 1)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        choices = schema.get("anyOf") or schema.get("oneOf")
        if choices:
            return self.value(_chosen(choices, depth), depth + 1)
        if schema.get("allOf"):
            return self.value(self._merged(schema["allOf"]), depth + 1)
        return self._typed(schema, depth)

    def _typed(self, schema: Mapping[str, Any], depth: int) -> Any:
        match _kind(schema, depth):
            case "object":
                properties = schema.get("properties") or {}
                return {name: self.value(properties.get(name, {}), depth + 1) for name in schema.get("required") or ()}
            case "array":
                count = min(schema.get("minItems", 0), _MOST_VALUES)
                return [self.value(schema.get("items"), depth + 1) for _ in range(count)]
            case "string":
                return _string(schema)
            case "integer":
                return _number(schema, 1)
            case "number":
                return _number(schema, 0.5)
            case "boolean":
                return True
        return None

    def _merged(self, parts: list[Any]) -> dict[str, Any]:
        merged: dict[str, Any] = {"properties": {}, "required": []}
        for part in parts:
            resolved = self._resolved(part)
            merged["properties"] |= resolved.get("properties", {})
            merged["required"] += resolved.get("required", [])
            merged |= {key: value for key, value in resolved.items() if key not in ("properties", "required")}
        return merged

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in schema:
            return schema
        found: Any = self._root
        for step in str(schema["$ref"]).removeprefix("#").strip("/").split("/"):
            found = found.get(step, {}) if step and isinstance(found, Mapping) else found
        return found if isinstance(found, Mapping) else {}


def _kind(schema: Mapping[str, Any], depth: int) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        return "null" if depth > _DEEP and "null" in kind else str(kind[0])
    return str(kind)


def _string(schema: Mapping[str, Any]) -> str:
    text = _FORMATS.get(schema.get("format", ""), "text")
    return text.ljust(min(schema.get("minLength", 0), _LONGEST_TEXT), "x")[: schema.get("maxLength")]


def _number(schema: Mapping[str, Any], step: float) -> float:
    step = schema.get("multipleOf", step)
    low = schema.get("minimum")
    if low is None and "exclusiveMinimum" in schema:
        low = schema["exclusiveMinimum"] + step
    high = schema.get("maximum")
    if high is None and "exclusiveMaximum" in schema:
        high = schema["exclusiveMaximum"] - step
    value: float = low if low is not None else min(0, high if high is not None else 0)
    return -(-value // step) * step if "multipleOf" in schema else value


def _chosen(choices: list[Any], depth: int) -> Any:
    if depth > _DEEP:
        return next((choice for choice in choices if choice.get("type") == "null"), choices[-1])
    return choices[0]
