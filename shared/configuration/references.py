"""Checks what a schema cannot: that names are unique and that every name that is used exists."""

from collections.abc import Iterator

from shared.catalog.pools import clashes
from shared.configuration.model import Configuration
from shared.directory.model import ORGANIZATION, Resource

Path = tuple[str | int, ...]


def broken_references(config: Configuration) -> Iterator[tuple[Path, str]]:
    """Yield the place and the text of every duplicate and dangling name."""
    yield from _duplicates("deployments", "name", [deployment.name for deployment in config.deployments])
    yield from _duplicates("routes", "alias", [route.alias for route in config.routes])
    for section in ("areas", "teams", "applications", "users", "keys", "policies", "budgets"):
        yield from _duplicates(section, "id", [_identity(resource) for resource in getattr(config, section)])
    yield from _dangling_deployments(config)
    yield from _dangling_parents(config)
    yield from _dangling_scopes(config)
    yield from _wrong_pools(config)


def _wrong_pools(config: Configuration) -> Iterator[tuple[Path, str]]:
    """Capacity is paid by the hour or by the token: each provisioned deployment has one pool at a time, and no other has any."""
    yield from ((("provisioned", *place), message) for place, message in clashes(config.provisioned))
    capacities = {deployment.name: deployment.capacity for deployment in config.deployments}
    taken: set[str] = set()
    for index, pool in enumerate(config.provisioned):
        for place, name in enumerate(pool.deployments):
            where = ("provisioned", index, "deployments", place)
            if name not in capacities:
                yield where, f"no deployment is named {name!r}"
            elif capacities[name] != "provisioned":
                yield where, f"the deployment {name!r} lacks `capacity: provisioned`"
            taken.add(name)
    for index, deployment in enumerate(config.deployments):
        if deployment.capacity == "provisioned" and deployment.name not in taken:
            yield ("deployments", index, "capacity"), "no pool of `provisioned` says what this deployment costs"


def _dangling_deployments(config: Configuration) -> Iterator[tuple[Path, str]]:
    deployments = {deployment.name for deployment in config.deployments}
    for index, route in enumerate(config.routes):
        for place, target in enumerate(route.targets):
            if target.deployment not in deployments:
                yield ("routes", index, "targets", place, "deployment"), f"no deployment is named {target.deployment!r}"
    if config.objects_deployment is not None and config.objects_deployment not in deployments:
        yield ("objects_deployment",), f"no deployment is named {config.objects_deployment!r}"


def _scopes(config: Configuration) -> set[str]:
    nodes: tuple[Resource, ...] = (*config.areas, *config.teams, *config.applications, *config.users)
    return {ORGANIZATION, *(node.scope for node in nodes)}


def _dangling_parents(config: Configuration) -> Iterator[tuple[Path, str]]:
    """A node must find the one above it in the file: the store can change under it."""
    scopes = _scopes(config)
    for index, team in enumerate(config.teams):
        if team.area is not None and f"areas/{team.area}" not in scopes:
            yield ("teams", index, "area"), f"no area has the id {team.area!r}"
    for section in ("applications", "users"):
        for index, node in enumerate(getattr(config, section)):
            if f"teams/{node.team}" not in scopes:
                yield (section, index, "team"), f"no team has the id {node.team!r}"


def _dangling_scopes(config: Configuration) -> Iterator[tuple[Path, str]]:
    """So must what hangs on a node."""
    scopes = _scopes(config)
    for index, key in enumerate(config.keys):
        if key.owner not in scopes:
            yield ("keys", index, "owner"), f"the file has no {key.owner!r}"
    scopes.update(key.scope for key in config.keys)
    for section in ("policies", "budgets"):
        for index, rule in enumerate(getattr(config, section)):
            if rule.scope not in scopes:
                yield (section, index, "scope"), f"the file has no {rule.scope!r}"


def _identity(resource: Resource) -> str:
    """Applications and users of different teams may have the same id."""
    team = getattr(resource, "team", None)
    identity = str(getattr(resource, "id", ""))
    return f"{team}/{identity}" if team else identity


def _duplicates(section: str, field: str, names: list[str]) -> Iterator[tuple[Path, str]]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield (section, index, field), f"{name!r} is there already"
        seen.add(name)
