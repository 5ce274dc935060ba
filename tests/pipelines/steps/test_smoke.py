"""The smoke test against a gateway that runs here, with the simulated Azure OpenAI behind it."""

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from pipelines.steps import smoke, smoke_environment
from pipelines.steps.commands import ROOT, CommandFailed, Commands
from pipelines.steps.drift import Upstream, drift, questions
from pipelines.steps.environments import ENVIRONMENTS, Environment
from pipelines.steps.smoke import Target, checks, run
from pipelines.steps.smoke_environment import Operator, passing_key, wait_until_ready
from tests.e2e.conftest import KEY, Tollgate, free_port
from tests.pipelines.cloud import Cloud

OPERATOR = "sk-CANARY-operator-key-0123456789"
CONFIG = Path(__file__).parents[3] / "devhost" / "gateway.yaml"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tollgate]:
    running = Tollgate(tmp_path_factory.mktemp("gateway"), CONFIG, TOLLGATE_OPERATOR_KEY=OPERATOR)
    running.start()
    yield running
    assert running.stop() == 0, running.log.read_text()


def target(url: str, key: str = KEY, **models: str) -> Target:
    return Target.of({"TOLLGATE_URL": f"{url}/", "TOLLGATE_KEY": key, **models})


def test_a_gateway_that_works_passes(gateway: Tollgate, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(target(gateway.url)) == []

    printed = capsys.readouterr().out
    assert all(f"| {name} | as it should be |" in printed for name in checks(target(gateway.url)))
    assert KEY not in printed


def test_what_is_wrong_is_named_and_the_rest_is_still_asked(
    gateway: Tollgate, capsys: pytest.CaptureFixture[str]
) -> None:
    failures = run(target(gateway.url, "sk-CANARY-wrong-key-0123456789", SMOKE_EMBEDDINGS_MODEL=""))

    assert failures == ["models", "chat", "stream", "AzureOpenAI", "responses"]
    assert "sk-CANARY-wrong" not in capsys.readouterr().out


def test_a_gateway_that_is_away_fails_every_question(capsys: pytest.CaptureFixture[str]) -> None:
    away = target(f"http://127.0.0.1:{free_port()}", SMOKE_CHAT_MODEL="", SMOKE_RESPONSES_MODEL="")

    assert run(away) == list(checks(away))


def test_a_key_is_made_for_the_test_and_ends_with_it(gateway: Tollgate) -> None:
    operator = Operator(gateway.url, OPERATOR)

    with passing_key(operator, datetime.now(UTC)) as key:
        smoke.models(target(gateway.url, key))
    listed = operator.need((200,), "GET", f"/api/v1/keys?team={smoke_environment.TEAM}")
    assert listed["data"] == []


def test_a_key_that_may_not_make_keys_is_told_so(gateway: Tollgate) -> None:
    with (
        pytest.raises(CommandFailed, match="is answered 403"),
        passing_key(Operator(gateway.url, KEY), datetime.now(UTC)),
    ):
        raise AssertionError("there is no key")


def test_a_deployed_environment_is_asked_with_the_key_of_its_vault(
    gateway: Tollgate, cloud: Callable[..., Cloud], infra: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = {"resourceGroupName": "rg", "functionAppName": "app", "gatewayUrl": gateway.url, "keyVaultName": "kv"}
    cloud(outputs=outputs, secrets={"operator-key": OPERATOR})

    smoke_environment.ask_everything(Commands(), Environment("dev", infra))

    printed = capsys.readouterr().out
    assert "| chat | as it should be |" in printed
    assert OPERATOR not in printed
    assert cloud().changes() == []


def test_who_is_not_ready_in_time_is_quoted() -> None:
    with pytest.raises(CommandFailed, match="was not ready within"):
        wait_until_ready(f"http://127.0.0.1:{free_port()}", within_s=0.01, pause_s=0.02)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_models_that_are_asked_for_are_routed_in_every_environment(environment: str) -> None:
    configuration = yaml.safe_load((ROOT / "infra-bicep" / "config" / f"{environment}.yaml").read_text())
    asked = target("https://gateway.example")

    assert {asked.chat, asked.responses, asked.embeddings} <= {route["alias"] for route in configuration["routes"]}


def test_a_missing_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="TOLLGATE_URL"):
        smoke.main()


def test_an_answer_that_is_not_the_gateways_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(request: urllib.request.Request, timeout_s: float) -> None:
        raise urllib.error.HTTPError(request.full_url, 503, "away", None, None)  # type: ignore[arg-type]

    monkeypatch.setattr(smoke, "ask", refuse)
    assert "503" in smoke.outcome(smoke.health, target("https://gateway.example"))


@pytest.mark.parametrize(("used", "newer"), [("2025-04-01-preview", "v1"), ("v1", "preview")])
def test_the_simulated_upstream_answers_alike_in_every_version(
    gateway: Tollgate, used: str, newer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = (Upstream(gateway.url, KEY, version) for version in (used, newer))

    assert drift(before, after, questions("gpt-4o", "text-embedding-3-small")) is False
    assert f"From API version {used} to {newer}" in capsys.readouterr().out
