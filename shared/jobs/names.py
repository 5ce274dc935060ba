"""What people call teams and areas, as the file and the directory have it now."""

from collections.abc import Collection

from shared.directory.declared import FileDirectory
from shared.directory.model import Area, Kind, Resource, Team
from shared.directory.store import DirectoryStore

_PAGE = 200


class DirectoryNames:
    def __init__(self, store: DirectoryStore, declared: FileDirectory) -> None:
        self._store, self._declared = store, declared

    async def of(self, addresses: Collection[str]) -> dict[str, str]:
        """Return the names of these nodes by address, of those that have one. Raises StoreUnavailable."""
        wanted, names = set(addresses), dict[str, str]()
        for kind in (Kind.TEAM, Kind.AREA):
            for node in [*await self._stored(kind), *self._declared.all(kind)]:
                if isinstance(node, Team | Area) and node.name and node.scope in wanted:
                    names[node.scope] = node.name
        return names

    async def _stored(self, kind: Kind) -> list[Resource]:
        found: list[Resource] = []
        cursor: str | None = None
        while True:
            page, cursor = await self._store.page(kind, limit=_PAGE, cursor=cursor)
            found += [stored.resource for stored in page]
            if cursor is None:
                return found
