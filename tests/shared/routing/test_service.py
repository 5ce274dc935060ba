"""A plan holds the deployments that may serve a model, those in good health first."""

import pytest

from shared.providers.model import Deployment
from shared.routing.circuit import Circuit, CircuitRules
from shared.routing.model import Route, Target
from shared.routing.service import ModelNotFound, NoDeployment, ObjectElsewhere, Router
from tests.fakes import FakeClock

DEPLOYMENTS = [
    Deployment("east", "azure_openai", "https://east.example", "gpt-4o"),
    Deployment("east-2", "azure_openai", "https://east.example", "gpt-4o-2"),
    Deployment("west", "azure_openai", "https://west.example", "gpt-4o"),
]
ROUTES = [
    Route("gpt-4o", (Target("east"), Target("west", priority=2))),
    Route("spread", (Target("east"), Target("east-2"), Target("west"))),
    Route("single", (Target("west"),)),
    Route("o*", (Target("east"),)),
]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def router(clock: FakeClock) -> Router:
    return Router(ROUTES, DEPLOYMENTS, clock, CircuitRules(failures=1, open_s=10))


def circuit(router: Router, name: str, endpoint: str = "chat") -> Circuit:
    """The health of one operation of a deployment."""
    deployment = router.deployment(name)
    assert deployment is not None
    return router.circuit(deployment, "gpt-4o", endpoint)


def names(router: Router, model: str, account: str | None = None, affinity: str = "k") -> list[str]:
    return [deployment.name for deployment in router.plan(model, "chat", lambda: affinity, account).deployments]


def test_the_healthy_come_first_and_the_sick_stay_in_the_plan(router: Router, clock: FakeClock) -> None:
    assert names(router, "gpt-4o") == ["east", "west"]

    circuit(router, "east").failed(clock.monotonic())
    assert names(router, "gpt-4o") == ["west", "east"]

    clock.advance(10)
    assert names(router, "gpt-4o") == ["east", "west"]


def test_a_throttled_deployment_is_asked_last_until_the_time_it_named(router: Router, clock: FakeClock) -> None:
    circuit(router, "east").throttled(clock.monotonic() + 30)
    assert names(router, "gpt-4o") == ["west", "east"]

    clock.advance(30)
    assert names(router, "gpt-4o") == ["east", "west"]


def test_the_same_affinity_meets_the_same_deployment(router: Router) -> None:
    assert names(router, "spread", affinity="a") == names(router, "spread", affinity="a")
    assert {names(router, "spread", affinity=str(number))[0] for number in range(50)} == {"east", "east-2", "west"}


def test_health_belongs_to_a_deployment_and_not_to_its_endpoint(router: Router, clock: FakeClock) -> None:
    circuit(router, "east").failed(clock.monotonic())

    assert names(router, "spread")[-1] == "east"
    assert circuit(router, "east-2").is_preferred(clock.monotonic())


def test_what_fails_in_one_operation_need_not_fail_in_another(router: Router, clock: FakeClock) -> None:
    circuit(router, "east", "fine_tuning.jobs.create").failed(clock.monotonic())

    assert names(router, "gpt-4o") == ["east", "west"]


def test_a_model_has_its_own_name_at_each_account(router: Router) -> None:
    assert router.name_at("spread", "https://east.example") == "gpt-4o"
    with pytest.raises(ModelNotFound):
        router.name_at("single", "https://east.example")


def test_an_account_restricts_the_plan(router: Router) -> None:
    assert set(names(router, "spread", "https://east.example")) == {"east", "east-2"}
    with pytest.raises(ObjectElsewhere) as refused:
        names(router, "single", "https://east.example")
    assert (refused.value.status, refused.value.code, refused.value.param) == (409, "object_in_other_account", "model")


def test_the_affinity_is_asked_only_where_there_is_a_choice(router: Router) -> None:
    asked: list[str] = []

    def affinity() -> str:
        asked.append("asked")
        return "k"

    router.plan("single", "chat", affinity)
    assert asked == []
    router.plan("spread", "chat", affinity)
    assert asked == ["asked"]


def test_an_unknown_model_is_refused_in_openais_words(router: Router) -> None:
    assert not router.knows("gpt-9")
    with pytest.raises(ModelNotFound) as refused:
        names(router, "gpt-9" * 100)
    assert (refused.value.status, refused.value.code, refused.value.param) == (404, "model_not_found", "model")
    assert len(refused.value.message) < 250


def test_names_can_be_listed_and_globs_are_known(router: Router) -> None:
    assert router.aliases() == ["gpt-4o", "spread", "single"]
    assert router.knows("o1")


def test_a_call_without_a_model_goes_to_its_objects_deployment_or_the_first(router: Router) -> None:
    assert [deployment.name for deployment in router.plan_for("west").deployments] == ["west"]
    assert [deployment.name for deployment in router.plan_for(None).deployments] == ["east"]


def test_a_deployment_that_is_gone_is_our_trouble(router: Router, clock: FakeClock) -> None:
    assert router.deployment("south") is None
    with pytest.raises(NoDeployment):
        router.plan_for("south")
    with pytest.raises(NoDeployment):
        Router([], [], clock).plan_for(None)
