"""Finds the operation that a method and an address stand for."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.management.call import Operation
from shared.management.problems import Absent, WrongMethod

PREFIX = "/api/v1/"
_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")


@dataclass(frozen=True, slots=True)
class Match:
    operation: Operation
    path: Mapping[str, str]


class Router:
    def __init__(self, operations: Iterable[Operation]) -> None:
        self._rows = [(operation.path.split("/"), operation) for operation in operations]

    def find(self, method: str, path: str) -> Match:
        """Raises Absent for an unknown address and WrongMethod, which names the right ones."""
        steps = path.removeprefix(PREFIX).split("/") if path.startswith(PREFIX) else []
        matches = {
            operation.method: Match(operation, values)
            for template, operation in self._rows
            if (values := _values(template, steps)) is not None
        }
        if not matches:
            raise Absent("There is no such address in the management API; /api/v1/openapi.json lists all.")
        found = matches.get("GET" if method == "HEAD" else method)
        if found is None:
            allowed = sorted(matches | ({"HEAD": None} if "GET" in matches else {}))
            raise WrongMethod(f"This address takes {', '.join(allowed)}.", headers={"allow": ", ".join(allowed)})
        return found


def _values(template: list[str], steps: list[str]) -> dict[str, str] | None:
    """Return what stands for the names in braces. What could never be an id is no address at all."""
    if len(template) != len(steps):
        return None
    values = {}
    for part, step in zip(template, steps, strict=True):
        if part.startswith("{"):
            if not _VALUE.fullmatch(step):
                return None
            values[part[1:-1]] = step
        elif part != step:
            return None
    return values
