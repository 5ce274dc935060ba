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


def example(schema: Mapping[str, Any]) -> Any:
    """Return a value that the schema admits; `pattern` and `not` are beyond it."""
    return _value(schema, schema, 0)


def _value(schema: Any, root: Mapping[str, Any], depth: int) -> Any:
    if not isinstance(schema, Mapping):
        return None
    if "$ref" in schema:
        return _value(_resolve(str(schema["$ref"]), root), root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf"):
        if schema.get(choice):
            return _value(_chosen(schema[choice], depth), root, depth + 1)
    if schema.get("allOf"):
        return _value(_merged(schema["allOf"], root), root, depth + 1)
    return _typed(schema, root, depth)


def _typed(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = "null" if depth > _DEEP and "null" in kind else kind[0]
    match kind:
        case "object":
            properties = schema.get("properties") or {}
            wanted = schema.get("required") or ()
            return {name: _value(properties.get(name, {}), root, depth + 1) for name in wanted}
        case "array":
            return [_value(schema.get("items"), root, depth + 1) for _ in range(schema.get("minItems", 0))]
        case "string":
            return _string(schema)
        case "integer" | "number":
            return _number(schema, whole=kind == "integer")
        case "boolean":
            return True
    return None


def _string(schema: Mapping[str, Any]) -> str:
    text = _FORMATS.get(schema.get("format", ""), "text")
    return text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength")]


def _number(schema: Mapping[str, Any], whole: bool) -> float:
    step = schema.get("multipleOf", 1 if whole else 0.5)
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


def _merged(parts: list[Any], root: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {"properties": {}, "required": []}
    for part in parts:
        resolved = _resolve(str(part["$ref"]), root) if "$ref" in part else part
        merged["properties"] |= resolved.get("properties", {})
        merged["required"] += resolved.get("required", [])
        merged |= {key: value for key, value in resolved.items() if key not in ("properties", "required")}
    return merged


def _resolve(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        found = found.get(step, {}) if step and isinstance(found, Mapping) else found
    return found if isinstance(found, Mapping) else {}
