"""Checks what a schema cannot: that names are unique and that every name that is used exists."""

from collections.abc import Iterator

from shared.configuration.model import Configuration

Path = tuple[str | int, ...]


def broken_references(config: Configuration) -> Iterator[tuple[Path, str]]:
    """Yield the place and the text of every duplicate and dangling name."""
    yield from _duplicates("deployments", "name", [deployment.name for deployment in config.deployments])
    yield from _duplicates("routes", "alias", [route.alias for route in config.routes])
    yield from _duplicates("teams", "id", [team.id for team in config.teams])
    yield from _duplicates("keys", "id", [key.id for key in config.keys])
    deployments = {deployment.name for deployment in config.deployments}
    for index, route in enumerate(config.routes):
        for place, target in enumerate(route.targets):
            if target.deployment not in deployments:
                yield ("routes", index, "targets", place, "deployment"), f"no deployment is named {target.deployment!r}"
    if config.objects_deployment is not None and config.objects_deployment not in deployments:
        yield ("objects_deployment",), f"no deployment is named {config.objects_deployment!r}"
    teams = {team.id for team in config.teams}
    for index, key in enumerate(config.keys):
        if key.team not in teams:
            yield ("keys", index, "team"), f"no team has the id {key.team!r}"


def _duplicates(section: str, field: str, names: list[str]) -> Iterator[tuple[Path, str]]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield (section, index, field), f"{name!r} is there already"
        seen.add(name)
