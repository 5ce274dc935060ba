"""Which roles the pipelines' identities get, and which of them they may pass on: those that the templates assign, no others."""

import re
from pathlib import Path

CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
ACCESS_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
NAMES = {
    CONTRIBUTOR: "Contributor",
    ACCESS_ADMINISTRATOR: "Role Based Access Control Administrator",
    VAULT_SECRETS_USER: "Key Vault Secrets User",
}
# Never to be passed on, whatever a template says: they would be a way to every other right.
FORBIDDEN = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",  # Owner
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",  # User Access Administrator
    ACCESS_ADMINISTRATOR,
    CONTRIBUTOR,
}
PLANNER = "Tollgate deployment planner"
# Not `deployments/write`: whoever may write a deployment may write what it puts out, by which the steps find the gateway.
PLANNER_ACTIONS = [
    "*/read",
    "Microsoft.Resources/deployments/validate/action",
    "Microsoft.Resources/deployments/whatIf/action",
]
SUBMITTER = "Tollgate deployment submitter"
# The template is one of the subscription, its resources are of a resource group: the right to write those is given there.
SUBMITTER_ACTIONS = ["*/read", "Microsoft.Resources/deployments/*"]
CUSTOM = {
    PLANNER: ("Reads everything and asks what a deployment would change. Changes nothing.", PLANNER_ACTIONS),
    SUBMITTER: ("Reads everything and submits deployments. Changes nothing itself.", SUBMITTER_ACTIONS),
}
ROLE_FILES = ("modules/roles.bicep", "modules/roles-external.bicep")
ROLE_ID = re.compile(r"'([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})'")
# Cosmos DB's own roles of the data plane look alike, and are not assigned through Microsoft.Authorization.
COSMOS = "00000000-0000-0000-0000-"


class RolesUnsafe(Exception):
    """The templates assign a role that a pipeline may not pass on, or none at all."""


def assigned_by_templates(infra: Path) -> list[str]:
    """The ids of the roles that the templates assign, sorted. Raises RolesUnsafe."""
    texts = [(infra / name).read_text(encoding="utf-8") for name in ROLE_FILES if (infra / name).is_file()]
    found = sorted({role for text in texts for role in ROLE_ID.findall(text) if not role.startswith(COSMOS)})
    if not found:
        raise RolesUnsafe(f"no role is named in {' or '.join(ROLE_FILES)} of {infra}")
    if unsafe := FORBIDDEN & set(found):
        raise RolesUnsafe(f"the templates assign {', '.join(sorted(unsafe))}, which would give a pipeline every right")
    return found


def condition_for(roles: list[str]) -> str:
    """The condition of Role Based Access Control Administrator: only these roles, and only for identities of services."""
    return " AND ".join(
        f"((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/{action}'}})) OR "
        f"(@{source}[Microsoft.Authorization/roleAssignments:RoleDefinitionId] "
        f"ForAnyOfAnyValues:GuidEquals {{{', '.join(roles)}}} AND "
        f"@{source}[Microsoft.Authorization/roleAssignments:PrincipalType] "
        f"ForAnyOfAnyValues:StringEqualsIgnoreCase {{'ServicePrincipal'}}))"
        for action, source in (("write", "Request"), ("delete", "Resource"))
    )
