"""Knows the routes and the health of every deployment, and makes the plan for one request."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shared.clock import Clock
from shared.errors import NotFound, Unavailable
from shared.providers.model import Deployment
from shared.recent import Recent
from shared.routing.circuit import Circuit, CircuitRules, State
from shared.routing.model import Route, RouteTable, in_order

CIRCUITS = 4096
"""Circuits that are kept: callers choose names where a route is a glob."""


class ModelNotFound(NotFound):
    """404 as OpenAI words it: the caller cannot tell a missing model from one that is not his."""

    code = "model_not_found"

    def __init__(self, model: str) -> None:
        super().__init__(
            f"The model `{model[:100]}` does not exist or you do not have access to it. GET /v1/models lists yours.",
            param="model",
        )


class ObjectElsewhere(NotFound):
    """The request needs an object that lives in an account which this model's route does not reach."""

    status, code = 409, "object_in_other_account"
    retryable = False

    def __init__(self, model: str) -> None:
        super().__init__(
            f"The request refers to an object that is stored where the model `{model[:100]}` is not deployed. "
            "Use the model that made it, or create the object again.",
            param="model",
        )


class NoDeployment(Unavailable):
    code = "no_deployment"

    def __init__(self) -> None:
        super().__init__("The gateway has no deployment that could serve this request.")


@dataclass(frozen=True, slots=True)
class Plan:
    """Deployments in the order in which they are tried; the first is the one that the affinity key prefers."""

    model: str
    deployments: tuple[Deployment, ...]


class Router:
    """Resolves models to plans. Health is this instance's own view, per deployment and never per endpoint."""

    def __init__(
        self,
        routes: Iterable[Route],
        deployments: Iterable[Deployment],
        clock: Clock,
        rules: CircuitRules | None = None,
    ) -> None:
        self._table = RouteTable(tuple(routes))
        self._deployments = {deployment.name: deployment for deployment in deployments}
        self._clock = clock
        self._rules = rules or CircuitRules()
        self._circuits: Recent[str, Circuit] = Recent(CIRCUITS)

    def aliases(self) -> list[str]:
        return self._table.aliases()

    def knows(self, model: str) -> bool:
        return self._table.find(model) is not None

    def circuit(self, deployment: Deployment, model: str, endpoint: str) -> Circuit:
        """The health of one operation of one deployment: what fails there need not fail elsewhere."""
        key = f"{deployment.name}\0{deployment.name_for(model)}\0{endpoint}"
        circuit = self._circuits.get(key)
        if circuit is None:
            circuit = Circuit(self._rules)
            self._circuits.remember(key, circuit)
        return circuit

    def plan(self, model: str, endpoint: str, affinity: Callable[[], str], account: str | None = None) -> Plan:
        """Order the route's targets, healthy ones first. `account` restricts them to one endpoint.

        `affinity` gives the key that picks among equals; it is asked only where there is a choice. Raises ModelNotFound and
        ObjectElsewhere.
        """
        route = self._table.find(model)
        if route is None:
            raise ModelNotFound(model)
        ordered = route.targets if len(route.targets) == 1 else in_order(route.targets, affinity())
        targets = [self._deployments[target.deployment] for target in ordered]
        if account is not None:
            targets = [target for target in targets if target.endpoint == account]
            if not targets:
                raise ObjectElsewhere(model)
        if len(targets) > 1:
            now = self._clock.monotonic()
            targets.sort(key=lambda target: not self.circuit(target, model, endpoint).is_preferred(now))
        return Plan(model, tuple(targets))

    def name_at(self, model: str, account: str) -> str:
        """What the upstream at this endpoint calls a model. Raises ModelNotFound where the model's route does not go there."""
        route = self._table.find(model)
        for target in route.targets if route else ():
            deployment = self._deployments[target.deployment]
            if deployment.endpoint == account:
                return deployment.name_for(model)
        raise ModelNotFound(model)

    def plan_for(self, deployment: str | None) -> Plan:
        """The plan for an object's own deployment or, given None, for a call that names no model."""
        name = deployment or next(iter(self._deployments), "")
        first = self._deployments.get(name)
        if first is None:
            raise NoDeployment
        return Plan("", (first,))

    def open_circuits(self) -> dict[str, bool]:
        """Say of every deployment whether one of its operations is left alone now."""
        now = self._clock.monotonic()
        found = dict.fromkeys(self._deployments, False)
        for key, circuit in self._circuits.items():
            if circuit.state(now) is State.OPEN:
                found[key.partition("\0")[0]] = True
        return found

    def deployments(self) -> tuple[Deployment, ...]:
        return tuple(self._deployments.values())

    def deployment(self, name: str) -> Deployment | None:
        return self._deployments.get(name)
