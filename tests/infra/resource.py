"""The resources that an evaluated template asks for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.infra.arithmetic import unknown


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that a deployment asks for: its type with the version, and its body with values in it."""

    path: Path
    symbol: str
    reference: str
    body: dict[str, Any]
    existing: bool = False

    @property
    def type(self) -> str:
        return self.reference.split("@")[0]

    @property
    def properties(self) -> dict[str, Any]:
        return dict(self.body.get("properties", {}))

    def at(self, name: str) -> Any:
        """What can be read of the resource."""
        if name == "id":
            return unknown(f"{self.type}/{self.body.get('name')}.id")
        return self.body[name] if name == "name" else unknown(f"{self.symbol}.{name}")


@dataclass(frozen=True, slots=True)
class Deployed:
    """A resource with those declared inside it."""

    resource: Resource
    inner: dict[str, Any]


def flat(value: Any) -> list[Deployed]:
    """The resources of a value of the evaluator: one, none, or those of a loop."""
    return [value] if isinstance(value, Deployed) else [each for item in value or () for each in flat(item)]


def with_inner(deployed: Deployed) -> Iterator[Resource]:
    """Yield a resource and all inside it."""
    yield deployed.resource
    for value in deployed.inner.values():
        for each in flat(value):
            yield from with_inner(each)
