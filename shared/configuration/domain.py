"""Turns the checked file into the objects that the gateway works with."""

from collections.abc import Mapping

from shared.clock import Clock
from shared.configuration.model import Configuration, DeploymentConfig
from shared.directory.declared import DeclaredKey, FileDirectory
from shared.directory.model import Resource
from shared.providers.model import Deployment, Timeouts, UrlForm
from shared.routing.circuit import CircuitRules
from shared.routing.model import Route, Target
from shared.routing.retry import RetryRules
from shared.routing.service import Router


def directory_of(config: Configuration, digests: Mapping[str, str]) -> FileDirectory:
    """Return the file's part of the hierarchy; `digests` are the HMACs of its keys' secrets, by key id."""
    resources: tuple[Resource, ...] = (
        *config.areas,
        *config.teams,
        *config.applications,
        *config.users,
        *config.policies,
        *config.budgets,
    )
    return FileDirectory(
        resources if config.organization is None else (config.organization, *resources),
        [DeclaredKey(key.without_secret(), digests[key.id]) for key in config.keys],
    )


def retry_of(config: Configuration) -> RetryRules:
    return RetryRules(attempts=config.retry.attempts, max_wait_s=config.retry.max_wait_s)


def router_of(config: Configuration, clock: Clock) -> Router:
    rules = CircuitRules(
        failures=config.circuit.failures, error_rate=config.circuit.error_rate, open_s=config.circuit.open_s
    )
    routes = (
        Route(route.alias, tuple(Target(item.deployment, item.priority, item.weight) for item in route.targets))
        for route in config.routes
    )
    return Router(routes, [_deployment(item) for item in config.deployments], clock, rules)


def _deployment(item: DeploymentConfig) -> Deployment:
    return Deployment(
        name=item.name,
        provider=item.provider,
        endpoint=item.endpoint,
        upstream_name=item.deployment or "{model}",
        url_form=UrlForm(item.url_form),
        api_version=item.api_version,
        scope=item.scope,
        client_id=item.client_id,
        secret_ref=item.secret_ref,
        region=item.region,
        model=item.model,
        processing=item.processing,
        capacity=item.capacity,
        timeouts=Timeouts(item.timeouts.connect_s, item.timeouts.first_byte_s, item.timeouts.idle_s),
    )
