"""From the plan to an app that runs the very package that was tested."""

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.steps import deploy_app, deploy_infra, smoke_environment
from pipelines.steps.archive import sha256_of
from pipelines.steps.commands import ROOT, CommandFailed, Commands
from pipelines.steps.deploy import ask, deploy
from pipelines.steps.environments import ENVIRONMENTS, Deployed, Environment
from tests.pipelines.cloud import Cloud

Now = Callable[..., Cloud]
OUTPUTS = {
    "resourceGroupName": "rg", "functionAppName": "func", "gatewayUrl": "https://gateway.example/", "keyVaultName": "kv",
}  # fmt: skip
PLANNED = [
    {"changeType": "Create", "resourceId": "/subscriptions/1/resourceGroups/rg"},
    {"changeType": "Delete", "resourceId": "/subscriptions/1/resourceGroups/rg/providers/x/old"},
]


@pytest.fixture
def dev(infra: Path) -> Environment:
    return Environment("dev", infra)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "tollgate.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tollgate.json", json.dumps({"name": "tollgate", "version": "0.1.0", "commit": "abc"}))
    path.with_name("tollgate.zip.sha256").write_text(f"{sha256_of(path)}  tollgate.zip\n")
    return path


def test_the_plan_is_on_the_page_of_the_run_before_anybody_approves(
    cloud: Now, dev: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud(planned=PLANNED)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))

    deploy_infra.plan(Commands(), dev)

    page = (tmp_path / "summary.md").read_text()
    assert "1 Create, 1 Delete" in page
    assert "**Deletes** `/subscriptions/1/resourceGroups/rg/providers/x/old`" in page
    assert "+ Create" in page
    assert cloud().changes() == []
    assert all("ProviderNoRbac" in call for call in cloud().calls)


def test_the_infrastructure_is_deployed_where_its_parameters_say(cloud: Now, dev: Environment) -> None:
    deploy_infra.apply(Commands(), dev)

    (call,) = cloud().changes()
    assert call[call.index("--location") + 1] == "swedencentral"
    assert call[call.index("--parameters") + 1] == str(dev.parameters)
    assert call[call.index("--name") + 1] == "tollgate-dev"


@pytest.mark.parametrize("name", ["production", "../dev", "DEV"])
def test_an_unknown_environment_is_refused(infra: Path, name: str) -> None:
    with pytest.raises(CommandFailed, match="no environment"):
        _ = Environment(name, infra).parameters


def test_a_location_that_is_computed_has_to_be_given(cloud: Now, dev: Environment) -> None:
    dev.parameters.write_text("using './main.bicep'\nparam location = readEnvironmentVariable('LOCATION')\n")

    with pytest.raises(CommandFailed, match="--location"):
        deploy_infra.apply(Commands(), dev)
    deploy_infra.apply(Commands(), dev, "westeurope")
    assert "westeurope" in cloud().changes()[0]


def test_the_package_goes_to_the_app_of_the_environment(cloud: Now, dev: Environment, package: Path) -> None:
    cloud(outputs=OUTPUTS)

    deploy_app.deploy(Commands(), dev, package)

    assert cloud().of("published") == [{"app": "func", "package": str(package)}]
    assert cloud().changes()[0][-4:-2] == ["--build-remote", "false"]


def test_another_package_than_the_tested_one_is_not_deployed(cloud: Now, dev: Environment, package: Path) -> None:
    cloud(outputs=OUTPUTS)
    with zipfile.ZipFile(package, "a") as archive:
        archive.writestr("shared/more.py", "")

    with pytest.raises(CommandFailed, match="not the package that was tested"):
        deploy_app.deploy(Commands(), dev, package)
    assert cloud().calls == []


def test_a_package_without_a_digest_is_not_deployed(cloud: Now, dev: Environment, package: Path) -> None:
    cloud(outputs=OUTPUTS)
    digest = sha256_of(package)
    package.with_name("tollgate.zip.sha256").unlink()

    with pytest.raises(CommandFailed, match="no digest"):
        deploy_app.deploy(Commands(), dev, package)
    with pytest.raises(CommandFailed, match="not the package"):
        deploy_app.deploy(Commands(), dev, package, "0" * 64)
    deploy_app.deploy(Commands(), dev, package, digest)
    assert len(cloud().of("published")) == 1


def test_an_environment_that_is_not_deployed_yet_is_said_to_be(cloud: Now, dev: Environment, package: Path) -> None:
    cloud(outputs={})
    with pytest.raises(CommandFailed, match="DeploymentNotFound"):
        deploy_app.deploy(Commands(), dev, package)


def test_a_deployment_that_the_portal_has_named_is_found(
    cloud: Now, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud(outputs=OUTPUTS)
    monkeypatch.setattr("sys.argv", ["deploy_app", "dev", str(package), "--deployment", "Microsoft.Template-2026"])

    deploy_app.main()

    (asked,) = [call for call in cloud().calls if call[1] == "deployment"]
    assert asked[asked.index("--name") + 1] == "Microsoft.Template-2026"
    assert len(cloud().of("published")) == 1


def test_nobody_is_there_to_say_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    assert ask("Deploy?") is False


def test_without_what_the_smoke_test_asks_with_nothing_is_deployed(
    cloud: Now, dev: Environment, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(CommandFailed, match=r"-m pip install --require-hashes -r pipelines/smoke\.lock"):
        deploy(Commands(), dev, package, None, lambda question: True)
    assert cloud().calls == []


@pytest.mark.parametrize("step", ["deploy", "smoke_environment", "after_azd", "bootstrap"])
def test_a_step_starts_with_the_standard_library_alone(step: str) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import pipelines.steps.{step}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_a_template_that_puts_out_something_else_is_named(cloud: Now, dev: Environment) -> None:
    cloud(outputs={"resourceGroupName": "rg"})
    with pytest.raises(CommandFailed, match="functionAppName"):
        Deployed.read(Commands(), dev)


def test_our_templates_put_out_what_the_steps_need() -> None:
    put_out = re.findall(r"^output (\w+) string", (ROOT / "infra-bicep" / "main.bicep").read_text(), re.MULTILINE)

    assert set(OUTPUTS) <= set(put_out)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_our_environments_say_where_they_are(name: str) -> None:
    assert Environment(name).location


def test_a_deployment_by_hand_is_that_of_the_pipelines(
    cloud: Now, dev: Environment, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud(outputs=OUTPUTS, planned=PLANNED)
    asked: list[str] = []
    monkeypatch.setattr(
        smoke_environment, "ask_everything", lambda commands, environment: asked.append(environment.name)
    )

    assert deploy(Commands(), dev, package, None, lambda question: True)

    assert [call[3] for call in cloud().calls if call[1] == "deployment"] == ["what-if", "what-if", "create", "show"]
    assert len(cloud().of("published")) == 1
    assert asked == ["dev"]


@pytest.mark.parametrize("is_dry", [False, True])
def test_nothing_happens_without_a_yes_or_in_a_dry_run(
    cloud: Now, dev: Environment, package: Path, is_dry: bool
) -> None:
    cloud(outputs=OUTPUTS, planned=PLANNED)

    assert deploy(Commands(is_dry), dev, package, None, lambda question: False) is is_dry

    assert cloud().changes() == []
