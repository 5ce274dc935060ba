"""The pipelines are prepared once, a second time changes nothing, and a dry run changes nothing at all."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.steps import bootstrap as step
from pipelines.steps import roles
from pipelines.steps.bootstrap import Plan, bootstrap, subscriptions_of
from pipelines.steps.commands import CommandFailed, Commands
from pipelines.steps.devops import Project
from pipelines.steps.github import Repository
from tests.pipelines.cloud import Cloud

ONE, TWO = "aaaaaaaa-0000-0000-0000-000000000001", "aaaaaaaa-0000-0000-0000-000000000002"
TENANT = "11111111-1111-1111-1111-111111111111"
Now = Callable[..., Cloud]


@pytest.fixture
def plan(infra: Path) -> Plan:
    subscriptions = {"dev": ONE, "staging": TWO, "prod": TWO}
    return Plan(
        subscriptions, TENANT, repository=Repository("contoso/tollgate", ("octocat", "contoso/ops")), infra=infra
    )


@pytest.fixture
def devops_plan(infra: Path) -> Plan:
    project = Project("https://dev.azure.com/contoso", "tollgate", ("reviewer-1",))
    return Plan({"dev": ONE, "prod": TWO}, TENANT, project=project, infra=infra)


def test_each_environment_gets_an_identity_that_looks_and_one_that_deploys(cloud: Now, plan: Plan) -> None:
    bootstrap(Commands(), plan)

    names = {app["displayName"] for app in cloud().of("apps")}
    assert names == {f"tollgate-{each}-{what}" for each in plan.subscriptions for what in ("plan", "deploy")}
    held = {
        (each["principal"].removeprefix("principal-of-app-of-tollgate-"), each["role"])
        for each in cloud().of("assignments")
    }
    assert {role for who, role in held if who == "prod-plan"} == {roles.PLANNER}
    assert {role for who, role in held if who == "prod-deploy"} == {
        roles.CONTRIBUTOR, roles.ACCESS_ADMINISTRATOR, roles.VAULT_SECRETS_USER,
    }  # fmt: skip
    scopes = {each["principal"][-10:]: each["scope"] for each in cloud().of("assignments")}
    assert scopes["dev-deploy"] == f"/subscriptions/{ONE}"


def test_a_right_to_assign_roles_is_for_the_roles_of_the_templates_only(cloud: Now, plan: Plan) -> None:
    bootstrap(Commands(), plan)

    conditions = {each["condition"] for each in cloud().of("assignments") if each["role"] == roles.ACCESS_ADMINISTRATOR}
    (condition,) = conditions
    assert "{69a216fc-b8fb-44d8-bc22-1f3c2cd27a39}" in condition
    assert all(word in condition for word in ("roleAssignments/write", "roleAssignments/delete", "'ServicePrincipal'"))


def test_only_runs_of_the_environment_are_let_in_and_no_secret_is_made(cloud: Now, plan: Plan) -> None:
    bootstrap(Commands(), plan)

    assert {each["subject"] for each in cloud().of("credentials")} == {
        f"repo:contoso/tollgate:environment:{name}{what}" for name in plan.subscriptions for what in ("", "-plan")
    }
    assert {tuple(each["audiences"]) for each in cloud().of("credentials")} == {("api://AzureADTokenExchange",)}
    assert not [call for call in cloud().calls if {"credential", "reset", "secret"} & set(call)]


def test_staging_and_prod_wait_for_an_approval_and_plans_do_not(cloud: Now, plan: Plan) -> None:
    bootstrap(Commands(), plan)

    environments = cloud().state["environments"]
    assert {name for name, each in environments.items() if each["protection_rules"]} == {"staging", "prod"}
    (rule,) = environments["prod"]["protection_rules"]
    assert {each["type"] for each in rule["reviewers"]} == {"User", "Team"}
    assert all(each["branches"] == [{"name": "main"}] for each in environments.values())
    assert cloud().state["variables"]["prod"]["AZURE_CLIENT_ID"] == "app-of-tollgate-prod-deploy"


@pytest.mark.parametrize("which", ["plan", "devops_plan"])
def test_a_second_time_changes_nothing(cloud: Now, which: str, request: pytest.FixtureRequest) -> None:
    plan = request.getfixturevalue(which)
    assert bootstrap(Commands(), plan) > 0
    before = cloud().changes()

    assert bootstrap(Commands(), plan) == 0
    assert cloud().changes() == before


@pytest.mark.parametrize("which", ["plan", "devops_plan"])
def test_a_dry_run_says_everything_and_changes_nothing(
    cloud: Now, which: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = request.getfixturevalue(which)
    told = bootstrap(Commands(dry_run=True), plan)

    assert cloud().changes() == []
    assert capsys.readouterr().out.count("would ") == told
    assert bootstrap(Commands(), plan) == told


def test_with_the_programs_themselves_it_is_the_same(
    tools: Now, infra: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    only_dev = Plan({"dev": ONE}, TENANT, repository=Repository("contoso/tollgate"), infra=infra)

    told = bootstrap(Commands(dry_run=True), only_dev)
    assert tools().changes() == []
    assert bootstrap(Commands(), only_dev) == told == len(tools().changes())
    assert bootstrap(Commands(), only_dev) == 0


def test_a_run_that_broke_off_is_taken_up_where_it_was(cloud: Now, plan: Plan) -> None:
    only_dev = Plan({"dev": ONE}, TENANT, repository=plan.repository, infra=plan.infra)
    bootstrap(Commands(), only_dev)
    cloud(credentials=[], principals=[])

    bootstrap(Commands(), plan)

    assert len(cloud().of("apps")) == len(cloud().of("principals")) == len(cloud().of("credentials")) == 6


def test_a_new_role_in_the_templates_changes_the_condition_and_nothing_else(cloud: Now, plan: Plan) -> None:
    bootstrap(Commands(), plan)
    more = "var receiver = '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0'\n"
    (plan.infra / "modules" / "roles-external.bicep").write_text(more)

    assert bootstrap(Commands(), plan) == 3
    conditions = [each["condition"] for each in cloud().of("assignments") if each["role"] == roles.ACCESS_ADMINISTRATOR]
    assert all("4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0" in condition for condition in conditions)


def test_a_renamed_repository_and_another_reviewer_are_put_right(cloud: Now, plan: Plan) -> None:
    bootstrap(Commands(), plan)
    moved = Plan(
        plan.subscriptions, TENANT, repository=Repository("fabrikam/tollgate", ("somebody-else",)), infra=plan.infra
    )

    bootstrap(Commands(), moved)

    assert {each["subject"].split(":")[1] for each in cloud().of("credentials")} == {"fabrikam/tollgate"}
    assert len(cloud().of("credentials")) == 6
    (rule,) = cloud().state["environments"]["prod"]["protection_rules"]
    assert len(rule["reviewers"]) == 1


def test_azure_devops_says_itself_whose_tokens_it_presents(cloud: Now, devops_plan: Plan) -> None:
    bootstrap(Commands(), devops_plan)

    assert {each["subject"].rpartition("/")[2] for each in cloud().of("credentials")} == {
        "tollgate-dev", "tollgate-dev-plan", "tollgate-prod", "tollgate-prod-plan",
    }  # fmt: skip
    assert {each["authorization"]["scheme"] for each in cloud().of("endpoints")} == {"WorkloadIdentityFederation"}
    (check,) = cloud().of("configurations")
    assert (check["resource"]["name"], check["settings"]["approvers"]) == ("prod", [{"id": "reviewer-1"}])


def test_templates_that_assign_owner_are_refused_before_anything_is_changed(cloud: Now, plan: Plan) -> None:
    (plan.infra / "modules" / "roles.bicep").write_text("var owner = '8e3af657-a8ff-443c-a75c-2fe8c4bcb635'\n")

    with pytest.raises(roles.RolesUnsafe):
        bootstrap(Commands(), plan)
    assert cloud().calls == []


def test_a_subscription_is_for_all_environments_or_for_one() -> None:
    assert subscriptions_of([ONE, f"prod={TWO}"], ["dev", "prod"]) == {"dev": ONE, "prod": TWO}


@pytest.mark.parametrize("given", [["my-subscription"], [f"prod={ONE}"], ["prod="]])
def test_what_is_no_subscription_is_refused(given: list[str]) -> None:
    with pytest.raises(CommandFailed):
        subscriptions_of(given, ["dev", "prod"])


def test_nobody_deploys_to_prod_without_a_reviewer(
    cloud: Now, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bootstrap", "--github", "contoso/tollgate", "--subscription", ONE])

    with pytest.raises(SystemExit, match="--reviewer"):
        step.main()
    assert cloud().changes() == []


def test_the_command_line_says_how_many_changes(
    cloud: Now, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["bootstrap", "--azure-devops", "https://dev.azure.com/contoso/tollgate", "--subscription", ONE]
    monkeypatch.setattr(sys, "argv", [*command, "--environments", "dev", "--dry-run"])

    step.main()

    assert capsys.readouterr().out.splitlines()[-1].endswith("changes would be made")
    assert cloud().changes() == []
