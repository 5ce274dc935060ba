"""The routes of a function app, tried as the real host tries them: in the order of the functions' names.

The host sorts functions by name and takes the first route that fits (Azure/azure-functions-host issue 9876); it does not
prefer a literal to a parameter. Where that order gives a request to another function than ASP.NET's precedence would,
`RouteTable.shadowed` says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from devhost.templates import RouteInvalid, Template

METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"})
_RESERVED = ("admin", "runtime")

Match = tuple[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Route:
    """A function's template and its methods; no methods means all of them."""

    name: str
    template: Template
    methods: frozenset[str] = frozenset()

    @classmethod
    def of(cls, name: str, template: str | None, methods: Iterable[str] = (), prefix: str = "") -> "Route":
        """Check the route as the host does. Raises RouteInvalid."""
        own = (template or name).strip("/")
        if own.lower().startswith(_RESERVED):
            raise RouteInvalid(
                f"The '{name}' function is in error: The specified route conflicts with one or more built in routes."
            )
        return cls(name, Template.parse(f"{prefix}/{own}"), frozenset(method.upper() for method in methods))

    def takes(self, method: str) -> bool:
        return not self.methods or method in self.methods

    def shares_methods_with(self, other: "Route") -> bool:
        return not self.methods or not other.methods or not self.methods.isdisjoint(other.methods)

    def hides(self, later: "Route") -> bool:
        """Whether the host, coming to this route first, gives it requests that suit the later one better."""
        return (
            later.template.specificity < self.template.specificity
            and self.shares_methods_with(later)
            and self.template.overlaps(later.template)
        )


class RouteTable:
    """All routes of an app. Raises RouteInvalid where two functions claim the same template and method."""

    def __init__(self, routes: Iterable[Route]) -> None:
        # The host compares names by their upper-case characters, so an underscore comes after the letters.
        self._routes = sorted(routes, key=lambda route: route.name.upper())
        for earlier, later in combinations(self._routes, 2):
            if earlier.template.text.lower() == later.template.text.lower() and earlier.shares_methods_with(later):
                raise RouteInvalid(
                    f"The '{later.name}' function is in error: The route specified conflicts with the route defined by "
                    f"function '{earlier.name}'."
                )
        paths = [route.template.text for route in self._routes if route.template.is_literal]
        self._known = {(method, path): self._search(method, path) for path in paths for method in METHODS}

    def find(self, method: str, path: str) -> Match | None:
        """Return the function's name and the parameters; a known path with another method is unknown, as on the host."""
        try:
            return self._known[method, path]
        except KeyError:
            return self._search(method, path)

    def _search(self, method: str, path: str) -> Match | None:
        for route in self._routes:
            if route.takes(method) and (parameters := route.template.match(path)) is not None:
                return route.name, parameters
        return None

    @property
    def shadowed(self) -> list[str]:
        """Say which routes lose requests to a less specific one because of their functions' names."""
        return [
            f"{later.template.text} of {later.name} loses requests to {earlier.template.text} of {earlier.name}: "
            "the host tries functions in the order of their names"
            for earlier, later in combinations(self._routes, 2)
            if earlier.hides(later)
        ]
