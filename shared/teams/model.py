"""A team: who is charged, and which models it may ask for."""

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Team:
    """`models` are globs over the names that callers ask for."""

    id: str
    name: str
    models: tuple[str, ...] = ("*",)
    cost_center: str | None = None

    def admits(self, model: str) -> bool:
        return any(pattern == "*" or fnmatchcase(model, pattern) for pattern in self.models)
