"""What a resource stands on, and what stands on it."""

from collections.abc import AsyncIterator

from shared.directory.model import (
    ORGANIZATION,
    Application,
    Area,
    Budget,
    Key,
    Kind,
    Policy,
    Resource,
    Team,
    User,
    address_of,
)
from shared.management.authority import Authority, may_see
from shared.management.ports import Parts
from shared.management.problems import Conflict, invalid
from shared.management.view import everything, find, team_around

NAMED = 20


def reference_of(resource: Resource) -> tuple[str, str] | None:
    """Return the field that names what a resource stands on, and the address of that; None where it needs nothing."""
    match resource:
        case Team(area=str(area)):
            return "area", f"areas/{area}"
        case Application() | User():
            return "team", f"teams/{resource.team}"
        case Key():
            return "owner", resource.owner
        case Policy() | Budget() if resource.scope != ORGANIZATION:
            return "scope", resource.scope
    return None


async def check_reference(parts: Parts, caller: Authority, resource: Resource) -> None:
    """Raises Invalid: the same for what is not there and for what the caller may not see."""
    reference = reference_of(resource)
    if reference is None:
        return
    field, address = reference
    found = await find(parts, address)
    if found is None or not may_see(caller, found.target):
        raise invalid(field, f"there is no {address}")


async def check_nothing_stands_on(parts: Parts, resource: Resource) -> None:
    """Raises Conflict, which names what would be left hanging."""
    names: list[str] = []
    async for other in _dependents(parts, resource):
        if len(names) == NAMED:
            names.append("…")
            break
        names.append(address_of(other))
    if names:
        raise Conflict(f"Delete first what still depends on {address_of(resource)}: {', '.join(names)}.")


async def _dependents(parts: Parts, resource: Resource) -> AsyncIterator[Resource]:
    address = address_of(resource)
    if isinstance(resource, Policy | Budget):
        return
    for kind in _nodes_below(resource):
        team = None if kind is Kind.TEAM else await team_around(parts, resource)
        async for other in everything(parts, kind, team=team):
            reference = reference_of(other)
            if reference is not None and reference[1] == address:
                yield other
    for kind in (Kind.POLICY, Kind.BUDGET):
        async for other in everything(parts, kind, scope=address):
            yield other


def _nodes_below(resource: Resource) -> tuple[Kind, ...]:
    match resource:
        case Area():
            return (Kind.TEAM,)
        case Team():
            return (Kind.APPLICATION, Kind.USER, Kind.KEY)
        case Application() | User():
            return (Kind.KEY,)
    return ()
