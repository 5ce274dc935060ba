"""Identities in Entra ID for the pipelines, without a secret: who holds a token of the pipeline's run is let in."""

from dataclasses import dataclass, replace
from typing import Any

from pipelines.steps.commands import Commands, json_file
from pipelines.steps.environments import JSON

AUDIENCE = "api://AzureADTokenExchange"


@dataclass(frozen=True, slots=True)
class Identity:
    """An app registration with its service principal. In a dry run the ids of what is not there are placeholders."""

    name: str
    client_id: str
    object_id: str

    @property
    def is_new(self) -> bool:
        return self.client_id.startswith("<")


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose tokens are accepted: `issuer` and `subject` must be exactly those of the token."""

    name: str
    issuer: str
    subject: str


def ensure_identity(commands: Commands, name: str) -> Identity:
    """The identity of that name, made where it is missing."""
    found = commands.read("az", "ad", "app", "list", "--filter", f"displayName eq '{name}'", *JSON)
    if not found:
        made = commands.change(
            f"register the app {name}",
            "az", "ad", "app", "create", "--display-name", name, "--sign-in-audience", "AzureADMyOrg", *JSON,
        )  # fmt: skip
        found = [made or {"appId": f"<client id of {name}>"}]
    identity = Identity(name, str(found[0]["appId"]), f"<object id of {name}>")
    principals = [] if identity.is_new else principals_of(commands, identity)
    if not principals:
        command = ("az", "ad", "sp", "create", "--id", identity.client_id, *JSON)
        made = commands.change(f"make the service principal of {name}", *command)
        principals = [made] if made else []
    return replace(identity, object_id=str(principals[0]["id"])) if principals else identity


def principals_of(commands: Commands, identity: Identity) -> list[dict[str, Any]]:
    return list(commands.read("az", "ad", "sp", "list", "--filter", f"appId eq '{identity.client_id}'", *JSON) or [])


def ensure_trust(commands: Commands, identity: Identity, trust: Trust) -> None:
    """Let the holder of such a token sign in as the identity."""
    credential = ("az", "ad", "app", "federated-credential")
    there = [] if identity.is_new else commands.read(*credential, "list", "--id", identity.client_id, *JSON)
    wanted = {"name": trust.name, "issuer": trust.issuer, "subject": trust.subject, "audiences": [AUDIENCE]}
    same_name: dict[str, Any] | None = next((each for each in there or [] if each["name"] == trust.name), None)
    if same_name is not None and all(same_name[key] == value for key, value in wanted.items()):
        return
    with json_file(wanted) as path:
        if same_name is None:
            command = (*credential, "create", "--id", identity.client_id, "--parameters", f"@{path}", *JSON)
        else:
            at = ("--federated-credential-id", trust.name)
            command = (*credential, "update", "--id", identity.client_id, *at, "--parameters", f"@{path}")
        commands.change(f"let {trust.subject} sign in as {identity.name}", *command)
