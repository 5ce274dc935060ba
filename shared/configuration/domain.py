"""Turns the checked file into the objects that the gateway works with."""

from shared.clock import Clock
from shared.configuration.model import Configuration, DeploymentConfig
from shared.providers.model import Deployment, Timeouts, UrlForm
from shared.routing.circuit import CircuitRules
from shared.routing.model import Route, Target
from shared.routing.retry import RetryRules
from shared.routing.service import Router
from shared.teams.model import Team


def teams_of(config: Configuration) -> dict[str, Team]:
    return {team.id: Team(team.id, team.name or team.id, team.models, team.cost_center) for team in config.teams}


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
        timeouts=Timeouts(item.timeouts.connect_s, item.timeouts.first_byte_s, item.timeouts.idle_s),
    )
