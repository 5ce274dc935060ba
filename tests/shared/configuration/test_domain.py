"""What the file says is what the gateway works with."""

from pathlib import Path

from shared.configuration.domain import directory_of, retry_of, router_of
from shared.configuration.model import Configuration
from shared.directory.model import Key, Kind, Team
from shared.providers.model import Deployment, Timeouts, UrlForm
from shared.routing.retry import RetryRules
from tests.fakes import FakeClock

CONFIG = Configuration.model_validate(
    {
        "version": 1,
        "deployments": [
            {
                "name": "east",
                "endpoint": "https://e.example/",
                "deployment": "gpt-4o-prod",
                "url_form": "deployments",
                "api_version": "2025-04-01-preview",
                "scope": "https://ai.azure.com/.default",
                "client_id": "id",
                "region": "eastus",
                "model": "gpt-4o",
                "timeouts": {"connect_s": 1, "first_byte_s": 2, "idle_s": 3},
            },
            {
                "name": "plain",
                "provider": "openai_compatible",
                "endpoint": "https://p.example/v1",
                "secret_ref": "env:P",
            },
        ],
        "routes": [{"alias": "a", "targets": [{"deployment": "plain", "priority": 2}, {"deployment": "east"}]}],
        "teams": [{"id": "t", "name": "Team", "models": ["gpt-*"], "cost_center": "4711"}, {"id": "u"}],
        "keys": [{"id": "vk_1", "owner": "teams/t", "secret_ref": "env:A"}],
        "retry": {"attempts": 5, "max_wait_s": 7},
        "circuit": {"failures": 1, "open_s": 9},
    }
)


def test_deployments_are_complete() -> None:
    router = router_of(CONFIG, FakeClock())

    assert router.deployment("east") == Deployment(
        name="east",
        provider="azure_openai",
        endpoint="https://e.example",
        upstream_name="gpt-4o-prod",
        url_form=UrlForm.DEPLOYMENTS,
        api_version="2025-04-01-preview",
        scope="https://ai.azure.com/.default",
        client_id="id",
        region="eastus",
        model="gpt-4o",
        timeouts=Timeouts(1, 2, 3),
    )
    assert router.deployment("plain") == Deployment(
        "plain", "openai_compatible", "https://p.example/v1", "{model}", secret_ref="env:P"
    )


def test_routes_keep_their_priorities_and_circuits_their_rules() -> None:
    clock = FakeClock()
    router = router_of(CONFIG, clock)

    assert [deployment.name for deployment in router.plan("a", "chat.completions", lambda: "k").deployments] == [
        "east",
        "plain",
    ]
    east = router.deployment("east")
    assert east is not None
    circuit = router.circuit(east, "a", "chat.completions")
    circuit.failed(clock.monotonic())
    assert circuit.opens_again_in(clock.monotonic()) == 9


def test_teams_keys_and_retries_are_as_written() -> None:
    directory = directory_of(CONFIG, {"vk_1": "d1"})

    assert directory.all(Kind.TEAM) == (
        Team(id="t", name="Team", models=("gpt-*",), cost_center="4711"),
        Team(id="u"),
    )
    assert directory.key("d1") == Key(id="vk_1", owner="teams/t")
    assert directory.key("d2") is None
    assert retry_of(CONFIG) == RetryRules(attempts=5, max_wait_s=7)


def test_the_domain_is_made_from_the_shipped_file_without_a_secret() -> None:
    text = (Path(__file__).parents[3] / "devhost" / "gateway.yaml").read_text()

    assert "sk-" not in text
