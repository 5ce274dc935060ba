"""The directory as one caller sees it: the file's resources and the stored ones together, and of other teams nothing."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson

from shared.directory.documents import Stored, owning_team
from shared.directory.model import Budget, Key, Kind, Policy, Resource, Role, address_of, kind_of, team_of
from shared.management.authority import Authority, Target, may_see
from shared.management.ports import Parts
from shared.management.problems import Absent

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Found:
    """A resource with the team that it belongs to; what the file declares is not `stored`."""

    resource: Resource
    team: str | None
    stored: Stored | None = None
    is_declared: bool = False

    @property
    def address(self) -> str:
        return address_of(self.resource)

    @property
    def target(self) -> Target:
        return target_of(self.resource, self.team, self.stored.made_by if self.stored else None)

    @property
    def etag(self) -> str:
        if self.stored is None:
            return f'"{hashlib.blake2b(orjson.dumps(plain(self.resource)), digest_size=12).hexdigest()}"'
        return quoted(self.stored.etag)

    def shown(self) -> dict[str, Any]:
        """Return what an answer says of the resource: never a digest, of a secret its beginning alone."""
        body = plain(self.resource) | {"managed_by": "file" if self.is_declared else "api"}
        if self.stored is not None:
            body["created_at"] = self.stored.created_at.isoformat()
            body["updated_at"] = self.stored.updated_at.isoformat()
            if self.stored.hint is not None:
                body["hint"] = self.stored.hint
            if self.stored.made_by is not None:
                body["made_by"] = self.stored.made_by
        return body


def plain(resource: Resource) -> dict[str, Any]:
    return resource.model_dump(mode="json", exclude_none=True)


def quoted(etag: str) -> str:
    """Return an ETag as it is written in a header; one of the stores writes its own with quotes."""
    return etag if etag.startswith('"') else f'"{etag}"'


def target_of(resource: Resource, team: str | None, made_by: Role | None = None) -> Target:
    role = resource.role if isinstance(resource, Key) else None
    return Target(kind_of(resource), resource.scope, team, role, made_by)


async def shown(parts: Parts, found: Found) -> dict[str, Any]:
    """Return what an answer says of a resource that was asked for: of a key also when it was used last."""
    body = found.shown()
    if isinstance(found.resource, Key) and parts.last_used is not None:
        used = await parts.last_used(found.resource.id)
        if used is not None:
            body["last_used_at"] = used.isoformat()
    return body


async def find(parts: Parts, address: str) -> Found | None:
    """Return what is at an address, whoever may see it. Raises StoreUnavailable."""
    declared = parts.file.get(address)
    if declared is not None:
        return Found(declared, await team_around(parts, declared), is_declared=True)
    stored = await parts.store.get(address)
    return None if stored is None else Found(stored.resource, await team_around(parts, stored.resource), stored)


async def visible(parts: Parts, caller: Authority, address: str) -> Found:
    """Return what the caller may see at an address. Raises Absent, the same for what is hidden and for what is not there."""
    found = await find(parts, address)
    if found is None or not may_see(caller, found.target):
        raise Absent(f"There is no {address}.")
    return found


async def team_around(parts: Parts, resource: Resource) -> str | None:
    """Return the team that a resource belongs to; for what hangs on a key that is the key's, and None once the key is gone."""
    if isinstance(resource, Policy | Budget) and resource.scope.startswith("keys/"):
        key = parts.file.get(resource.scope)
        if key is None and (stored := await parts.store.get(resource.scope)):
            key = stored.resource
        return team_of(key.owner) if isinstance(key, Key) else None
    return owning_team(resource)


async def everything(
    parts: Parts, kind: Kind, *, team: str | None = None, scope: str | None = None
) -> AsyncIterator[Resource]:
    """Yield the file's and then the stored resources of a kind: those of a team, or those that hang on a scope."""
    for resource in parts.file.all(kind):
        if (scope is None or resource.scope == scope) and (team is None or await team_around(parts, resource) == team):
            yield resource
    async for stored in all_stored(parts, kind, team=team, scope=scope):
        yield stored.resource


async def all_stored(
    parts: Parts, kind: Kind, *, team: str | None = None, scope: str | None = None
) -> AsyncIterator[Stored]:
    cursor: str | None = None
    while True:
        page, cursor = await parts.store.page(kind, team=team, scope=scope, limit=_PAGE, cursor=cursor)
        for stored in page:
            yield stored
        if cursor is None:
            return
