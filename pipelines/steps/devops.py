"""Service connections and environments of an Azure DevOps project, the connections by workload identity federation."""

import urllib.parse
from dataclasses import dataclass
from typing import Any

from pipelines.steps import checks
from pipelines.steps.commands import CommandFailed, Commands, json_file
from pipelines.steps.entra import Identity, Trust
from pipelines.steps.environments import JSON

VERSION = "7.1"


@dataclass(frozen=True, slots=True)
class Project:
    """`organization` is the address, as https://dev.azure.com/contoso. `reviewers` are ids of people or groups."""

    organization: str
    name: str
    id: str
    reviewers: tuple[str, ...] = ()

    @classmethod
    def read(cls, commands: Commands, address: str, reviewers: tuple[str, ...] = ()) -> "Project":
        """`address` is that of the project, as https://dev.azure.com/contoso/tollgate. Raises CommandFailed."""
        organization, _, last = address.rstrip("/").rpartition("/")
        name = urllib.parse.unquote(last)
        show = ("az", "devops", "project", "show", "--organization", organization, "--project", name)
        return cls(organization, name, str(commands.read(*show, *JSON)["id"]), reviewers)

    @property
    def at(self) -> tuple[str, ...]:
        return ("--organization", self.organization, "--project", self.name)


def ensure_connection(
    commands: Commands,
    project: Project,
    name: str,
    identity: Identity,
    tenant: str,
    subscription: str,
    is_approved: bool = False,
) -> Trust:
    """Make the service connection, and return whose tokens it will present: Azure DevOps chooses issuer and subject.

    It is for runs of the main branch, and waits for an approval where the environment does: what is approved is the use of the
    identity, as a pipeline of another branch need not name the environment at all. Raises CommandFailed for one of another identity.
    """
    listed = commands.read("az", "devops", "service-endpoint", "list", *project.at, *JSON) or []
    there: dict[str, Any] | None = next((each for each in listed if each["name"] == name), None)
    if there is None:
        with json_file(connection(project, name, identity, tenant, subscription)) as path:
            there = commands.change(
                f"make the service connection {name}", "az", "devops", "service-endpoint", "create",
                "--service-endpoint-configuration", path, *project.at, *JSON,
            )  # fmt: skip
    resource = {"type": "endpoint", "id": str(there["id"] if there else f"<id of {name}>"), "name": name}
    ensure_checks(commands, project, resource, checks.for_connection(project.reviewers if is_approved else ()))
    return (
        trust_of(there, name, identity) if there else Trust(f"azure-devops-{name}", "<issuer>", f"<subject of {name}>")
    )


def trust_of(connection: dict[str, Any], name: str, identity: Identity) -> Trust:
    given = (connection.get("authorization") or {}).get("parameters") or {}
    if str(given.get("serviceprincipalid", "")).lower() != identity.client_id.lower():
        raise CommandFailed(f"the service connection {name} is that of another identity: delete it")
    issuer, subject = (given.get(f"workloadIdentityFederation{what}") for what in ("Issuer", "Subject"))
    if not issuer or not subject:
        raise CommandFailed(f"the service connection {name} does not say whose tokens it presents: delete it")
    return Trust(f"azure-devops-{name}", str(issuer), str(subject))


def connection(project: Project, name: str, identity: Identity, tenant: str, subscription: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "azurerm",
        "url": "https://management.azure.com/",
        "authorization": {
            "scheme": "WorkloadIdentityFederation",
            "parameters": {"tenantid": tenant, "serviceprincipalid": identity.client_id},
        },
        "data": {
            "environment": "AzureCloud",
            "scopeLevel": "Subscription",
            "subscriptionId": subscription,
            "subscriptionName": subscription,
            "creationMode": "Manual",
        },
        "isShared": False,
        "serviceEndpointProjectReferences": [
            {"name": name, "projectReference": {"id": project.id, "name": project.name}}
        ],
    }


def ensure_environment(commands: Commands, project: Project, name: str) -> None:
    """Make the environment, of which one run at a time has the use."""
    listed = commands.read("az", "devops", "invoke", *route("distributedtask", "environments", project), *JSON)
    there = next((each for each in listed["value"] if each["name"] == name), None)
    if there is None:
        there = post(
            commands, project, f"make the environment {name}", "distributedtask", "environments", {"name": name}
        )
    resource = {"type": "environment", "id": str(there["id"] if there else f"<id of {name}>"), "name": name}
    ensure_checks(commands, project, resource, [checks.EXCLUSIVE_LOCK])


def ensure_checks(commands: Commands, project: Project, resource: dict[str, str], wanted: list[checks.Check]) -> None:
    """Have the use of the resource wait for these. Raises CommandFailed for a check of the kind that asks for something else."""
    kind, is_new = resource["type"], resource["id"].startswith("<")
    asked = ("--query-parameters", f"resourceType={kind}", f"resourceId={resource['id']}", "$expand=settings")
    address = route("pipelineschecks", "configurations", project)
    there = [] if is_new else commands.read("az", "devops", "invoke", *address, *asked, *JSON)["value"]
    for check in wanted:
        same = [each for each in there if check.is_kind_of(each)]
        if same and not any(check.is_met_by(each) for each in same):
            raise CommandFailed(f"{kind} {resource['name']} has another {check.name} than is wanted: delete it")
        if not same:
            what = f"have {kind} {resource['name']} wait for: {check.name}"
            body = {"type": check.type, "settings": check.settings, "resource": resource, "timeout": 43_200}
            post(commands, project, what, "pipelineschecks", "configurations", body)


def post(commands: Commands, project: Project, what: str, area: str, resource: str, body: object) -> Any:
    with json_file(body) as path:
        call = ("az", "devops", "invoke", *route(area, resource, project), "--http-method", "POST", "--in-file", path)
        return commands.change(what, *call, *JSON)


def route(area: str, resource: str, project: Project) -> tuple[str, ...]:
    return (
        "--organization", project.organization, "--area", area, "--resource", resource,
        "--route-parameters", f"project={project.name}", "--api-version", f"{VERSION}-preview",
    )  # fmt: skip
