"""What a subscription needs before an identity that may only write one resource group can deploy to it."""

import re
from pathlib import Path

from pipelines.steps.access import Scope
from pipelines.steps.commands import CommandFailed, Commands
from pipelines.steps.deploy_infra import template
from pipelines.steps.environments import JSON, Environment

GROUP = re.compile(r"/subscriptions/[^/]+/resourceGroups/([^/]+)", re.IGNORECASE)
# Types of resources, and what a subnet is delegated to.
PROVIDER = re.compile(r"'(Microsoft\.\w+)/")
# These are there in every subscription.
ALWAYS = {"Microsoft.Authorization", "Microsoft.Resources"}


def ensure_group(commands: Commands, environment: Environment, subscription: str) -> Scope:
    """The environment's resource group, made where it is missing. Its name is the template's: what-if tells it."""
    name = group_of(commands, environment, subscription)
    at = ("--name", name, "--subscription", subscription)
    is_there = bool(commands.read("az", "group", "exists", *at, *JSON))
    if not is_there:
        command = ("az", "group", "create", *at, "--location", environment.location, *JSON)
        commands.change(f"make the resource group {name}", *command)
    return Scope(f"{Scope.of(subscription).path}/resourceGroups/{name}", is_there or not commands.dry_run)


def group_of(commands: Commands, environment: Environment, subscription: str) -> str:
    """Raises CommandFailed where the template makes none, or more than one."""
    asked = ("--validation-level", "Template", "--result-format", "ResourceIdOnly", "--no-pretty-print")
    what_if = ("az", "deployment", "sub", "what-if", *template(environment, None), "--subscription", subscription)
    changes = commands.read(*what_if, *asked, *JSON)["changes"]
    # Groups that are there and not the template's are listed too, as ignored.
    ours = [change["resourceId"] for change in changes if change["changeType"] not in ("Ignore", "Unsupported")]
    found = sorted({match[1] for each in ours if (match := GROUP.fullmatch(each))})
    if len(found) != 1:
        raise CommandFailed(f"{environment.parameters} makes not one resource group but {found}")
    return found[0]


def ensure_providers(commands: Commands, infra: Path, subscription: str) -> None:
    """Register what the templates use: a deployment may do that only with a right to the whole subscription."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(infra.rglob("*.bicep"))]
    for namespace in sorted({name for text in texts for name in PROVIDER.findall(text)} - ALWAYS):
        at = ("--namespace", namespace, "--subscription", subscription)
        state = commands.read("az", "provider", "show", *at, "--query", "registrationState", *JSON)
        if state not in ("Registered", "Registering"):
            commands.change(f"register {namespace} in {subscription}", "az", "provider", "register", *at, *JSON)
