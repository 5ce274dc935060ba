"""Service connections and environments of an Azure DevOps project, the connections by workload identity federation."""

from dataclasses import dataclass
from typing import Any

from pipelines.steps.commands import Commands, json_file
from pipelines.steps.entra import Identity, Trust
from pipelines.steps.environments import JSON

# The check "Approval" has this id in every organization.
APPROVAL = {"id": "8C6F20A7-A545-4486-9777-F762FAFE0D4D", "name": "Approval"}
VERSION = "7.1"


@dataclass(frozen=True, slots=True)
class Project:
    """`organization` is the address, as https://dev.azure.com/contoso. `reviewers` are ids of people or groups."""

    organization: str
    name: str
    reviewers: tuple[str, ...] = ()

    @property
    def at(self) -> tuple[str, ...]:
        return ("--organization", self.organization, "--project", self.name)


def ensure_connection(
    commands: Commands, project: Project, name: str, identity: Identity, tenant: str, subscription: str
) -> Trust:
    """Make the service connection, and return whose tokens it will present: Azure DevOps chooses issuer and subject."""
    listed = commands.read("az", "devops", "service-endpoint", "list", *project.at, *JSON) or []
    there: dict[str, Any] | None = next((each for each in listed if each["name"] == name), None)
    if there is None:
        with json_file(connection(project, name, identity, tenant, subscription)) as path:
            there = commands.change(
                f"make the service connection {name}", "az", "devops", "service-endpoint", "create",
                "--service-endpoint-configuration", path, *project.at, *JSON,
            )  # fmt: skip
    given = ((there or {}).get("authorization") or {}).get("parameters") or {}
    return Trust(
        f"azure-devops-{name}",
        given.get("workloadIdentityFederationIssuer", f"<issuer of {name}>"),
        given.get("workloadIdentityFederationSubject", f"<subject of {name}>"),
    )


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
        "serviceEndpointProjectReferences": [{"name": name, "projectReference": {"name": project.name}}],
    }


def ensure_environment(commands: Commands, project: Project, name: str, is_approved: bool) -> None:
    """Make the environment, and have a deployment to it wait for the reviewers if it is to be approved."""
    listed = commands.read("az", "devops", "invoke", *route("distributedtask", "environments", project), *JSON)
    there = next((each for each in listed["value"] if each["name"] == name), None)
    if there is None:
        there = post(
            commands, project, f"make the environment {name}", "distributedtask", "environments", {"name": name}
        )
    if not is_approved or not project.reviewers:
        return
    resource = {"type": "environment", "id": str(there["id"] if there else f"<id of {name}>"), "name": name}
    asked = ("--query-parameters", "resourceType=environment", f"resourceId={resource['id']}", "$expand=settings")
    checks: list[dict[str, Any]] = []
    if there is not None:
        found = commands.read(
            "az", "devops", "invoke", *route("pipelineschecks", "configurations", project), *asked, *JSON
        )
        checks = found["value"]
    if not any(check["type"]["name"] == APPROVAL["name"] for check in checks):
        approvers = [{"id": reviewer} for reviewer in project.reviewers]
        settings = {"approvers": approvers, "minRequiredApprovers": 1, "requesterCannotBeApprover": True}
        check = {"type": APPROVAL, "settings": settings, "resource": resource, "timeout": 43_200}
        post(commands, project, f"have {name} wait for an approval", "pipelineschecks", "configurations", check)


def post(commands: Commands, project: Project, what: str, area: str, resource: str, body: object) -> Any:
    with json_file(body) as path:
        call = ("az", "devops", "invoke", *route(area, resource, project), "--http-method", "POST", "--in-file", path)
        return commands.change(what, *call, *JSON)


def route(area: str, resource: str, project: Project) -> tuple[str, ...]:
    return (
        "--organization", project.organization, "--area", area, "--resource", resource,
        "--route-parameters", f"project={project.name}", "--api-version", f"{VERSION}-preview",
    )  # fmt: skip
