"""Identities in Entra ID for the pipelines, without a secret: who holds a token of the pipeline's run is let in."""

from dataclasses import dataclass, replace
from typing import Any

from pipelines.steps.commands import CommandFailed, Commands, json_file, say
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


def ensure_identity(commands: Commands, name: str, is_adopted: bool = False) -> Identity:
    """The identity of that name, made where it is missing. Raises CommandFailed for one that somebody else could become.

    Names are not unique, and in most tenants everybody may register an app of any name. `is_adopted` trusts its owners.
    """
    found = commands.read("az", "ad", "app", "list", "--filter", f"displayName eq '{name}'", *JSON)
    refuse_strangers(commands, name, found or [], is_adopted)
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


def refuse_strangers(commands: Commands, name: str, found: list[dict[str, Any]], is_adopted: bool) -> None:
    """Raises CommandFailed for two apps of the name, one with a secret, or one that is owned by others than who runs this."""
    if len(found) > 1:
        raise CommandFailed(f"there are {len(found)} apps named {name}: delete those that are not the pipelines'")
    for app in found:
        if app.get("passwordCredentials") or app.get("keyCredentials"):
            raise CommandFailed(f"the app {name} ({app['appId']}) has a secret or a certificate: who has it is the app")
        owners = [] if is_adopted else commands.read("az", "ad", "app", "owner", "list", "--id", app["appId"], *JSON)
        others = [each for each in owners or [] if each["id"] != signed_in(commands)]
        if others:
            names = ", ".join(str(each.get("userPrincipalName") or each["id"]) for each in others)
            raise CommandFailed(
                f"the app {name} ({app['appId']}) is there already and belongs to {names}, who can sign in as it: "
                "delete it, or trust its owners with --adopt"
            )


def signed_in(commands: Commands) -> str:
    """The object id of the user who runs this; empty for a service principal."""
    try:
        return str(commands.read("az", "ad", "signed-in-user", "show", *JSON)["id"])
    except CommandFailed:
        return ""


def principals_of(commands: Commands, identity: Identity) -> list[dict[str, Any]]:
    return list(commands.read("az", "ad", "sp", "list", "--filter", f"appId eq '{identity.client_id}'", *JSON) or [])


def ensure_trust(commands: Commands, identity: Identity, trust: Trust, is_adopted: bool = False) -> None:
    """Let the holder of such a token sign in as the identity. Raises CommandFailed where others may too, if not `is_adopted`."""
    credential = ("az", "ad", "app", "federated-credential")
    there = [] if identity.is_new else commands.read(*credential, "list", "--id", identity.client_id, *JSON)
    wanted = {"issuer": trust.issuer, "subject": trust.subject, "audiences": [AUDIENCE]}
    for other in [each for each in there or [] if each["name"] != trust.name]:
        told = f"{identity.name} also lets in {other['subject']} of {other['issuer']}"
        if not is_adopted:
            raise CommandFailed(f"{told}: delete the federated credential {other['name']}, or trust it with --adopt")
        say(f"note: {told}")
    same_name: dict[str, Any] | None = next((each for each in there or [] if each["name"] == trust.name), None)
    if same_name is not None and all(same_name[key] == value for key, value in wanted.items()):
        return
    named = wanted if same_name else {"name": trust.name, **wanted}
    with json_file(named) as path:
        if same_name is None:
            command = (*credential, "create", "--id", identity.client_id, "--parameters", f"@{path}", *JSON)
        else:
            at = ("--federated-credential-id", trust.name)
            command = (*credential, "update", "--id", identity.client_id, *at, "--parameters", f"@{path}")
        commands.change(f"let {trust.subject} sign in as {identity.name}", *command)
