"""The pipelines are prepared once, a second time changes nothing, and a dry run changes nothing at all."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.steps import bootstrap as step
from pipelines.steps import roles
from pipelines.steps.bootstrap import Plan, bootstrap, refuse_sharing, subscriptions_of
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
    return Plan(subscriptions, TENANT, repository=repository("octocat", "contoso/ops"), infra=infra)


def repository(*reviewers: str, name: str = "contoso/tollgate") -> Repository:
    return Repository(name, f"repo:{name}", reviewers)


@pytest.fixture
def devops_plan(infra: Path) -> Plan:
    project = Project("https://dev.azure.com/contoso", "tollgate", "project-1", ("reviewer-1",))
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
        roles.CONTRIBUTOR, roles.ACCESS_ADMINISTRATOR, roles.VAULT_SECRETS_USER, roles.SUBMITTER,
    }  # fmt: skip


def test_an_identity_writes_its_own_resource_group_and_nothing_else(cloud: Now, plan: Plan) -> None:
    bootstrap(Commands(), plan)

    scopes = {
        (each["principal"].rpartition("tollgate-")[2], each["role"], each["scope"])
        for each in cloud().of("assignments")
    }
    assert {(who, role) for who, role, scope in scopes if "/resourceGroups/" not in scope} == {
        *((f"{name}-plan", roles.PLANNER) for name in plan.subscriptions),
        *((f"{name}-deploy", roles.SUBMITTER) for name in plan.subscriptions),
    }
    assert {scope for who, role, scope in scopes if who == "prod-deploy" and role != roles.SUBMITTER} == {
        f"/subscriptions/{TWO}/resourceGroups/rg-prod"
    }
    assert sorted(cloud().state["groups"]) == [[ONE, "rg-dev"], [TWO, "rg-prod"], [TWO, "rg-staging"]]


def test_an_identity_that_looks_cannot_write_a_deployment_from_which_others_read(cloud: Now, plan: Plan) -> None:
    bootstrap(Commands(), plan)

    actions = {each["roleName"]: each["permissions"][0]["actions"] for each in cloud().of("roles")}
    assert actions[roles.PLANNER] == [
        "*/read", "Microsoft.Resources/deployments/validate/action", "Microsoft.Resources/deployments/whatIf/action",
    ]  # fmt: skip
    assert not [
        action for action in actions[roles.SUBMITTER] if not action.startswith(("*/read", "Microsoft.Resources/deploy"))
    ]


def test_a_role_is_brought_up_to_date_by_its_id(cloud: Now, plan: Plan) -> None:
    bootstrap(Commands(), plan)
    before = cloud().of("roles")
    cloud(roles=[{**each, "permissions": [{"actions": ["*"]}]} for each in before])

    assert bootstrap(Commands(), plan) == 2
    assert cloud().of("roles") == before


def test_what_the_templates_use_is_registered_as_a_deployment_may_not(cloud: Now, plan: Plan) -> None:
    (plan.infra / "modules" / "app.bicep").write_text(
        "resource app 'Microsoft.Web/sites@2025-03-01' = {}\nvar delegated = 'Microsoft.App/environments'\n"
    )
    bootstrap(Commands(), plan)

    assert sorted(cloud().state["registered"]) == [
        [each, f"Microsoft.{name}"] for each in (ONE, TWO) for name in ("App", "Web")
    ]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"owners": {"app-of-tollgate-prod-deploy": [{"id": "other", "userPrincipalName": "mallory@x"}]}}, "mallory@x"),
        ({"apps": [{"displayName": "tollgate-dev-plan", "appId": str(number)} for number in (1, 2)]}, "2 apps"),
        (
            {"apps": [{"displayName": "tollgate-dev-plan", "appId": "1", "passwordCredentials": [{"keyId": "1"}]}]},
            "has a secret",
        ),
    ],
)
def test_an_app_that_somebody_else_has_put_there_gets_no_right(
    cloud: Now, plan: Plan, fault: dict[str, object], message: str
) -> None:
    bootstrap(Commands(), plan)
    cloud(assignments=[], **fault)

    with pytest.raises(CommandFailed, match=message):
        bootstrap(Commands(), plan)
    assert not [each for each in cloud().of("assignments") if "prod-deploy" in each["principal"]]


def test_an_app_of_a_colleague_can_be_trusted(cloud: Now, plan: Plan) -> None:
    bootstrap(Commands(), plan)
    cloud(owners={"app-of-tollgate-prod-deploy": [{"id": "colleague"}]})

    assert bootstrap(Commands(), replace(plan, is_adopted=True)) == 0


def test_an_identity_with_another_door_gets_no_right(
    cloud: Now, plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    bootstrap(Commands(), plan)
    # Whoever made the app may have left, and then it has no owner.
    stranger = {"owner": "app-of-tollgate-prod-deploy", "name": "x", "subject": "repo:mallory/x", "issuer": "https://i"}
    cloud(
        credentials=[*cloud().of("credentials"), stranger], owners={"app-of-tollgate-prod-deploy": []}, assignments=[]
    )

    with pytest.raises(CommandFailed, match="also lets in repo:mallory/x of https://i: delete"):
        bootstrap(Commands(), plan)
    assert not [each for each in cloud().of("assignments") if "prod-deploy" in each["principal"]]
    bootstrap(Commands(), replace(plan, is_adopted=True))
    assert "also lets in repo:mallory/x of https://i" in capsys.readouterr().out


def test_an_environment_that_waits_is_not_beside_one_that_does_not() -> None:
    with pytest.raises(CommandFailed, match="--share-subscription"):
        refuse_sharing({"dev": ONE, "staging": TWO, "prod": ONE})
    refuse_sharing({"dev": ONE, "staging": TWO, "prod": TWO})


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
    assert rule["prevent_self_review"] is True
    assert not any(each["can_admins_bypass"] for each in environments.values())
    assert all([policy["name"] for policy in each["branches"]] == ["main"] for each in environments.values())
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
    only_dev = Plan({"dev": ONE}, TENANT, repository=repository(), infra=infra)

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
        plan.subscriptions, TENANT, repository=repository("somebody-else", name="fabrikam/tollgate"), infra=plan.infra
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


def test_azure_devops_asks_before_an_identity_is_used_whatever_the_pipeline_says(cloud: Now, devops_plan: Plan) -> None:
    bootstrap(Commands(), devops_plan)

    found = {
        (each["resource"]["type"], each["resource"]["name"], each["type"]["name"])
        for each in cloud().of("configurations")
    }
    connections = {f"tollgate-{name}{what}" for name in ("dev", "prod") for what in ("", "-plan")}
    assert found == {
        *(("endpoint", name, "Task Check") for name in connections),
        ("endpoint", "tollgate-prod", "Approval"),
        *(("environment", name, "ExclusiveLock") for name in ("dev", "prod")),
    }
    (approval,) = [each for each in cloud().of("configurations") if each["type"]["name"] == "Approval"]
    assert approval["settings"]["approvers"] == [{"id": "reviewer-1"}]
    (reference,) = cloud().of("endpoints")[0]["serviceEndpointProjectReferences"]
    assert reference["projectReference"]["id"] == "project-1"


def test_another_approver_in_azure_devops_is_not_passed_over(cloud: Now, devops_plan: Plan) -> None:
    bootstrap(Commands(), devops_plan)
    assert devops_plan.project
    other = replace(devops_plan, project=replace(devops_plan.project, reviewers=("reviewer-2",)))

    with pytest.raises(CommandFailed, match="another an approval"):
        bootstrap(Commands(), other)


@pytest.mark.parametrize(
    ("fault", "message"),
    [({"serviceprincipalid": "gone"}, "another identity"), ({"workloadIdentityFederationSubject": ""}, "whose tokens")],
)
def test_a_connection_that_is_not_ours_is_not_trusted(
    cloud: Now, devops_plan: Plan, fault: dict[str, str], message: str
) -> None:
    bootstrap(Commands(), devops_plan)
    endpoints = cloud().of("endpoints")
    endpoints[0]["authorization"]["parameters"] |= fault
    cloud(endpoints=endpoints)

    with pytest.raises(CommandFailed, match=message):
        bootstrap(Commands(), devops_plan)


def test_a_project_with_a_space_in_its_name_is_found(cloud: Now) -> None:
    project = Project.read(Commands(), "https://dev.azure.com/contoso/AI%20Gateway/")

    assert (project.organization, project.name) == ("https://dev.azure.com/contoso", "AI Gateway")


@pytest.mark.parametrize(
    ("form", "subject"),
    [
        (
            {"use_default": True, "sub_claim_prefix": "repo:Contoso@1/tollgate@2"},
            "repo:Contoso@1/tollgate@2:environment:dev",
        ),
        ({"use_default": True}, "repo:Contoso/tollgate:environment:dev"),
    ],
)
def test_github_says_itself_what_its_tokens_look_like(cloud: Now, form: dict[str, object], subject: str) -> None:
    cloud(oidc=form)

    assert Repository.read(Commands(), "contoso/Tollgate").trust("dev").subject == subject


def test_tokens_of_a_form_of_ones_own_are_refused(cloud: Now) -> None:
    cloud(oidc={"use_default": False, "include_claim_keys": ["actor"]})

    with pytest.raises(CommandFailed, match="default"):
        Repository.read(Commands(), "contoso/tollgate")


def test_what_opens_an_environment_wider_is_closed_and_what_closes_it_stays(cloud: Now, plan: Plan) -> None:
    bootstrap(Commands(), plan)
    environments = cloud().state["environments"]
    environments["prod"]["branches"].append({"name": "*", "id": 9})
    environments["prod"]["can_admins_bypass"] = True
    reviewers = [{"type": "User", "reviewer": {"id": 5}}]
    environments["dev"]["protection_rules"] = [
        {"type": "required_reviewers", "prevent_self_review": True, "reviewers": reviewers}
    ]
    cloud(environments=environments)

    assert bootstrap(Commands(), plan) == 2
    after = cloud().state["environments"]
    assert [policy["name"] for policy in after["prod"]["branches"]] == ["main"]
    assert after["prod"]["can_admins_bypass"] is False
    assert after["dev"]["protection_rules"][0]["reviewers"] == reviewers


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
    # With the templates that are deployed.
    command = ["bootstrap", "--azure-devops", "https://dev.azure.com/contoso/tollgate", "--subscription", ONE]
    monkeypatch.setattr(sys, "argv", [*command, "--environments", "dev", "--dry-run"])

    step.main()

    assert capsys.readouterr().out.splitlines()[-1].endswith("changes would be made")
    assert cloud().changes() == []
