"""What an identity of the pipelines may do, and where."""

from dataclasses import dataclass
from typing import Any

from pipelines.steps.commands import Commands, json_file
from pipelines.steps.entra import Identity
from pipelines.steps.environments import JSON
from pipelines.steps.roles import NAMES


@dataclass(frozen=True, slots=True)
class Scope:
    """`path` is that of a subscription or a resource group. Of one that is not made yet nothing can be asked."""

    path: str
    is_there: bool = True

    @classmethod
    def of(cls, subscription: str) -> "Scope":
        return cls(f"/subscriptions/{subscription}")


def ensure_custom_role(
    commands: Commands, name: str, description: str, actions: list[str], subscriptions: list[str]
) -> None:
    """A role of our own that can be given in all of these subscriptions."""
    scopes = [Scope.of(subscription).path for subscription in subscriptions]
    listing = ("az", "role", "definition", "list", "--name", name, "--custom-role-only", "true")
    there: list[dict[str, Any]] = []
    for scope in scopes:
        there = there or commands.read(*listing, "--scope", scope, *JSON) or []
    definition = {
        "Name": name,
        "Description": description,
        "Actions": actions,
        "AssignableScopes": sorted({*scopes, *(there[0].get("assignableScopes") or [] if there else [])}),
    }
    if not there:
        with json_file(definition) as path:
            commands.change(
                f"define the role {name}", "az", "role", "definition", "create", "--role-definition", f"@{path}", *JSON
            )
    elif not is_so(there[0], definition):
        # An update is told the role by its id, and then wants the name a second time, as `roleName`.
        with json_file({**definition, "RoleName": name, "Name": there[0]["name"], "Id": there[0]["id"]}) as path:
            commands.change(
                f"bring the role {name} up to date", "az", "role", "definition", "update",
                "--role-definition", f"@{path}", *JSON,
            )  # fmt: skip


def is_so(there: dict[str, Any], wanted: dict[str, Any]) -> bool:
    actions = [action for permission in there.get("permissions", []) for action in permission.get("actions", [])]
    return (
        sorted(actions) == sorted(wanted["Actions"]) and sorted(there["assignableScopes"]) == wanted["AssignableScopes"]
    )


def ensure_role(commands: Commands, identity: Identity, role: str, scope: Scope, condition: str = "") -> None:
    """Assign the role there. `role` is an id, or the name of a role of our own."""
    is_known = scope.is_there and not identity.object_id.startswith("<")
    there = assignments(commands, identity, role, scope) if is_known else []
    if there and (there[0].get("condition") or "") == condition:
        return
    constrained = ("--condition", condition, "--condition-version", "2.0") if condition else ()
    if there:
        changed = {**there[0], "condition": condition or None, "conditionVersion": "2.0" if condition else None}
        with json_file(changed) as path:
            commands.change(
                f"constrain {NAMES.get(role, role)} of {identity.name} anew", "az", "role", "assignment", "update",
                "--role-assignment", f"@{path}", *JSON,
            )  # fmt: skip
        return
    commands.change(
        f"give {identity.name} the role {NAMES.get(role, role)} in {scope.path}", "az", "role", "assignment", "create",
        "--assignee-object-id", identity.object_id, "--assignee-principal-type", "ServicePrincipal",
        "--role", role, "--scope", scope.path, *constrained, *JSON,
    )  # fmt: skip


def assignments(commands: Commands, identity: Identity, role: str, scope: Scope) -> list[dict[str, Any]]:
    who = ("--assignee", identity.object_id, "--role", role, "--scope", scope.path)
    return list(commands.read("az", "role", "assignment", "list", *who, *JSON) or [])
