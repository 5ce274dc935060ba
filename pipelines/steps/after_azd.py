"""What `azd up` does once the infrastructure is there: the package, then the smoke test, as everywhere else."""

import os
import sys
from collections.abc import Mapping

from pipelines.steps import deploy_app, smoke_environment
from pipelines.steps.commands import ROOT, CommandFailed, Commands
from pipelines.steps.environments import JSON, Deployed, Environment


def deployed(environment: Mapping[str, str]) -> Deployed:
    """The template's outputs, which azd hands to its hooks as variables. Raises CommandFailed."""
    try:
        return Deployed(
            resource_group=environment["resourceGroupName"],
            function_app=environment["functionAppName"],
            url=environment["gatewayUrl"].rstrip("/"),
            vault=environment["keyVaultName"],
        )
    except KeyError as missing:
        raise CommandFailed(f"azd gave no {missing}: this is run by `azd up`") from missing


def need_same_subscription(commands: Commands, environment: Mapping[str, str]) -> None:
    """azd and the Azure CLI are signed in each for itself. Raises CommandFailed where they are not in the same subscription."""
    mine, theirs = commands.read("az", "account", "show", *JSON)["id"], environment.get("AZURE_SUBSCRIPTION_ID")
    if theirs and theirs.lower() != str(mine).lower():
        raise CommandFailed(f"azd has deployed to {theirs} and az is in {mine}: az account set --subscription {theirs}")


def main() -> None:
    commands, target = Commands(), Environment("dev")
    try:
        smoke_environment.need_sdks()
        need_same_subscription(commands, os.environ)
        app = deployed(os.environ)
        deploy_app.deploy(commands, target, ROOT / "dist" / "tollgate.zip", app=app)
        smoke_environment.ask_everything(commands, target, app)
    except CommandFailed as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
