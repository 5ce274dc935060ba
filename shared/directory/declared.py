"""What the configuration file says of the hierarchy: there from the start, and not to be changed in any other way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.directory.model import Budget, Key, Kind, Node, Organization, Policy, Resource, address_of, kind_of


@dataclass(frozen=True, slots=True)
class DeclaredKey:
    """A key of the file with the HMAC of its secret."""

    key: Key
    digest: str


class FileDirectory:
    """The file's resources, by address and by the scope that they belong to."""

    def __init__(self, resources: Iterable[Resource] = (), keys: Iterable[DeclaredKey] = ()) -> None:
        keys = tuple(keys)
        everything = (*resources, *(declared.key for declared in keys))
        self._by_address: Mapping[str, Resource] = {address_of(resource): resource for resource in everything}
        self._by_digest = {declared.digest: declared.key for declared in keys}

    def get(self, address: str) -> Resource | None:
        return self._by_address.get(address)

    def all(self, kind: Kind) -> tuple[Resource, ...]:
        """Return the resources of a kind, by address."""
        return tuple(resource for _, resource in sorted(self._by_address.items()) if kind_of(resource) is kind)

    def key(self, digest: str) -> Key | None:
        return self._by_digest.get(digest)

    def node(self, scope: str) -> Node | None:
        resource = self._by_address.get(scope)
        return None if isinstance(resource, Policy | Budget) else resource

    def hanging_on(self, scope: str) -> tuple[tuple[Policy, ...], tuple[Budget, ...]]:
        """Return the policies and budgets of one node."""
        belonging = [resource for resource in self._by_address.values() if resource.scope == scope]
        return (
            tuple(resource for resource in belonging if isinstance(resource, Policy)),
            tuple(resource for resource in belonging if isinstance(resource, Budget)),
        )


UNNAMED = Organization()
"""The organization that nobody has described."""
