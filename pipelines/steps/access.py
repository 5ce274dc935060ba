"""What an identity of the pipelines may do in a subscription."""

from typing import Any

from pipelines.steps import roles
from pipelines.steps.commands import Commands, json_file
from pipelines.steps.entra import Identity
from pipelines.steps.environments import JSON


def scope_of(subscription: str) -> str:
    return f"/subscriptions/{subscription}"


def ensure_planner_role(commands: Commands, subscriptions: list[str]) -> None:
    """The custom role of identities that may look and ask what would change, in all of these subscriptions."""
    scopes = [scope_of(subscription) for subscription in subscriptions]
    listing = ("az", "role", "definition", "list", "--name", roles.PLANNER, "--custom-role-only", "true")
    there: list[dict[str, Any]] = []
    for scope in scopes:
        there = there or commands.read(*listing, "--scope", scope, *JSON) or []
    definition = {
        "Name": roles.PLANNER,
        "Description": "Reads everything and asks what a deployment would change. Changes nothing.",
        "Actions": roles.PLANNER_ACTIONS,
        "AssignableScopes": sorted({*scopes, *(there[0].get("assignableScopes") or [] if there else [])}),
    }
    if not there:
        with json_file(definition) as path:
            commands.change(
                f"define the role {roles.PLANNER}", "az", "role", "definition", "create",
                "--role-definition", f"@{path}", *JSON,
            )  # fmt: skip
    elif not is_so(there[0], definition):
        with json_file({**definition, "Id": there[0]["name"]}) as path:
            commands.change(
                f"bring the role {roles.PLANNER} up to date", "az", "role", "definition", "update",
                "--role-definition", f"@{path}", *JSON,
            )  # fmt: skip


def is_so(there: dict[str, Any], wanted: dict[str, Any]) -> bool:
    actions = [action for permission in there.get("permissions", []) for action in permission.get("actions", [])]
    return (
        sorted(actions) == sorted(wanted["Actions"]) and sorted(there["assignableScopes"]) == wanted["AssignableScopes"]
    )


def ensure_role(commands: Commands, identity: Identity, role: str, subscription: str, condition: str = "") -> None:
    """Assign the role in the subscription. `role` is an id, or the name of a custom role."""
    scope = scope_of(subscription)
    there = [] if identity.object_id.startswith("<") else assignments(commands, identity, role, scope)
    if there and (there[0].get("condition") or "") == condition:
        return
    constrained = ("--condition", condition, "--condition-version", "2.0") if condition else ()
    if there:
        changed = {**there[0], "condition": condition or None, "conditionVersion": "2.0" if condition else None}
        with json_file(changed) as path:
            commands.change(
                f"constrain {role} of {identity.name} anew", "az", "role", "assignment", "update",
                "--role-assignment", f"@{path}", *JSON,
            )  # fmt: skip
        return
    commands.change(
        f"give {identity.name} the role {role} in {scope}", "az", "role", "assignment", "create",
        "--assignee-object-id", identity.object_id, "--assignee-principal-type", "ServicePrincipal",
        "--role", role, "--scope", scope, *constrained, *JSON,
    )  # fmt: skip


def assignments(commands: Commands, identity: Identity, role: str, scope: str) -> list[dict[str, Any]]:
    listing = ("az", "role", "assignment", "list", "--assignee", identity.object_id, "--role", role, "--scope", scope)
    return list(commands.read(*listing, *JSON) or [])
