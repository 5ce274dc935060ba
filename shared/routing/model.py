"""From the model that a caller names to deployments in the order in which they are tried: pure, and tested alone."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby


@dataclass(frozen=True, slots=True)
class Target:
    """A candidate deployment of a route. Lower priorities are tried first; weights share calls within a priority."""

    deployment: str
    priority: int = 1
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Route:
    """A model name, an alias or a glob such as `gpt-*`, and its targets by priority."""

    alias: str
    targets: tuple[Target, ...]

    @property
    def is_glob(self) -> bool:
        return any(character in self.alias for character in "*?[")


class RouteTable:
    """Exact names before globs; among globs the one with the longest fixed beginning, then the first."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._exact = {route.alias: route for route in routes if not route.is_glob}
        globs = [route for route in routes if route.is_glob]
        self._globs = sorted(globs, key=lambda route: -len(_fixed_beginning(route.alias)))

    def find(self, model: str) -> Route | None:
        route = self._exact.get(model)
        if route is None:
            route = next((glob for glob in self._globs if fnmatchcase(model, glob.alias)), None)
        return route

    def aliases(self) -> list[str]:
        """The names that can be listed: globs cannot."""
        return list(self._exact)


def in_order(targets: Sequence[Target], affinity: str) -> list[Target]:
    """Order targets by priority and, within one, by weighted rendezvous hashing of the affinity key.

    The same key gets the same order while the set stays, and a target that comes or goes moves only its own keys
    (Highest Random Weight, Thaler and Ravishankar 1998; the weighted score is Schindelhauer and Schomaker's).
    """
    ordered: list[Target] = []
    for _, group in groupby(sorted(targets, key=_priority), key=_priority):
        ordered.extend(sorted(group, key=lambda target: -_score(target, affinity)))
    return ordered


def _priority(target: Target) -> int:
    return target.priority


def _score(target: Target, affinity: str) -> float:
    digest = hashlib.blake2b(f"{affinity}\0{target.deployment}".encode(), digest_size=8).digest()
    # 52 bits and a half are exact in a float: never 0, never 1.
    fraction = ((int.from_bytes(digest) >> 12) + 0.5) / 2**52
    return -target.weight / math.log(fraction)


def _fixed_beginning(glob: str) -> str:
    for index, character in enumerate(glob):
        if character in "*?[":
            return glob[:index]
    return glob
