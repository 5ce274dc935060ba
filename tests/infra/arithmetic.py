"""Bicep's own functions and operators, as far as the templates need them to be evaluated without Azure."""

import json
from collections.abc import Callable, Iterable
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml


class Unknown(str):
    """A value that only a deployment gives; as a string it is its path in `<<…>>`."""

    def at(self, name: str) -> "Unknown":
        return unknown(f"{self[2:-2]}.{name}")


def unknown(path: str) -> Unknown:
    """What only Azure knows, by a path that says what it is."""
    return Unknown(f"<<{path.replace('<<', '').replace('>>', '')}>>")


def _unique(*parts: Any) -> str:
    digest = sha256("\n".join(map(str, parts)).encode()).digest()
    return "".join("abcdefghijklmnopqrstuvwxyz234567"[byte % 32] for byte in digest[:13])


def _flat(lists: Iterable[list[Any]]) -> list[Any]:
    return [item for each in lists for item in each]


def _union(*parts: Any) -> Any:
    if all(isinstance(part, list) for part in parts):
        found: list[Any] = []
        for item in _flat(parts):
            if item not in found:
                found.append(item)
        return found
    merged: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items() if isinstance(part, dict) else ():
            both = isinstance(value, dict) and isinstance(merged.get(key), dict)
            merged[key] = _union(merged[key], value) if both else value
    return merged


def _contains(container: Any, item: Any) -> bool:
    return item in container if not isinstance(container, str) else str(item) in container


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _subnet(network: str, prefix: int, index: int) -> str:
    return str(list(ip_network(network).subnets(new_prefix=prefix))[index])


def _format(template: str, *arguments: Any) -> str:
    return template.format(*arguments)


PURE: dict[str, Callable[..., Any]] = {
    "array": lambda value: value if isinstance(value, list) else [value],
    "bool": lambda value: value if isinstance(value, bool) else str(value).lower() == "true",
    "cidrSubnet": _subnet,
    "coalesce": lambda *values: next((value for value in values if value is not None), None),
    "concat": lambda *parts: _flat(parts) if isinstance(parts[0], list) else "".join(map(str, parts)),
    "contains": _contains,
    "distinct": lambda values: _union(values),
    "empty": lambda value: value is None or (not isinstance(value, Unknown) and len(value) == 0),
    "endsWith": lambda text, end: text.lower().endswith(end.lower()),
    "filter": lambda values, keep: [value for value in values if keep(value)],
    "first": lambda values: values[0] if values else None,
    "flatten": _flat,
    "format": _format,
    "guid": lambda *parts: str(uuid5(NAMESPACE_URL, "\n".join(map(str, parts)))),
    "indexOf": lambda text, part: text.find(part) if isinstance(text, str) else text.index(part),
    "int": int,
    "intersection": lambda first, *rest: [value for value in first if all(value in other for other in rest)],
    "items": lambda value: [{"key": key, "value": value[key]} for key in sorted(value)],
    "join": lambda values, separator: separator.join(map(str, values)),
    "json": json.loads,
    "last": lambda values: values[-1] if values else None,
    "length": len,
    "map": lambda values, make: [make(value) for value in values],
    "mapValues": lambda value, make: {key: make(each) for key, each in value.items()},
    "max": lambda *values: max(values[0]) if isinstance(values[0], list) else max(values),
    "min": lambda *values: min(values[0]) if isinstance(values[0], list) else min(values),
    "newGuid": lambda: str(uuid5(NAMESPACE_URL, "newGuid")),
    "objectKeys": sorted,
    "padLeft": lambda text, width, fill=" ": str(text).rjust(width, fill),
    "range": lambda start, count: list(range(start, start + count)),
    "replace": lambda text, old, new: text.replace(old, new),
    "shallowMerge": lambda parts: {key: value for part in parts for key, value in part.items()},
    "skip": lambda value, count: value[count:],
    "split": lambda text, by: text.split(by) if isinstance(by, str) else [text],
    "startsWith": lambda text, start: text.lower().startswith(start.lower()),
    "string": _text,
    "substring": lambda text, start, count=None: text[start:] if count is None else text[start : start + count],
    "take": lambda value, count: value[: max(count, 0)],
    "toLower": lambda text: text if isinstance(text, Unknown) else text.lower(),
    "toUpper": lambda text: text if isinstance(text, Unknown) else text.upper(),
    "toObject": lambda values, key, make=lambda value: value: {key(value): make(value) for value in values},
    "trim": lambda text: text.strip(),
    "tryGet": lambda value, key: value.get(key) if isinstance(value, dict) else None,
    "union": _union,
    "uniqueString": _unique,
    "any": lambda value: value,
    "reduce": lambda values, start, step: _reduced(values, start, step),
    "sort": lambda values, before: sorted(values),
    "readEnvironmentVariable": lambda name, default="": default,
}

COUNTING = ("max", "min", "int", "range", "cidrSubnet", "json")
"""They need to know what they are given."""

CONTENT: dict[str, Callable[[Path], Any]] = {
    "loadTextContent": lambda path: path.read_text(encoding="utf-8"),
    "loadYamlContent": lambda path: yaml.safe_load(path.read_text(encoding="utf-8")),
    "loadJsonContent": lambda path: json.loads(path.read_text(encoding="utf-8")),
}

AZURE: dict[str, Callable[..., Any]] = {
    "subscription": lambda id="00000000-0000-0000-0000-000000000001": {
        "id": f"/subscriptions/{id}",
        "subscriptionId": id,
        "tenantId": "00000000-0000-0000-0000-000000000002",
        "displayName": "Subscription",
    },
    "tenant": lambda: {"tenantId": "00000000-0000-0000-0000-000000000002"},
    "resourceGroup": lambda *names: {
        "id": f"/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/{names[-1] if names else 'group'}",
        "name": names[-1] if names else "group",
        "location": "swedencentral",
    },
    "environment": lambda: {
        "name": "AzureCloud",
        "resourceManager": "https://management.azure.com/",
        "suffixes": {"storage": "core.windows.net", "keyvaultDns": ".vault.azure.net"},
    },
    "deployment": lambda: {"name": "tollgate", "location": "swedencentral"},
    "deployer": lambda: unknown("deployer()"),
}

OPERATORS: dict[str, Callable[..., Any]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "=~": lambda left, right: left.lower() == right.lower(),
    "!~": lambda left, right: left.lower() != right.lower(),
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
    "+": lambda left, right: left + right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left // right,
    "%": lambda left, right: left % right,
}


def _reduced(values: list[Any], start: Any, step: Callable[[Any, Any], Any]) -> Any:
    for value in values:
        start = step(start, value)
    return start
