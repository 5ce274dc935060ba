"""Prepares Azure, and GitHub or Azure DevOps, for the pipelines. Run it again at any time: what is as it should be stays.

For each environment a resource group and two identities: one that may only look, for the plan that is approved, and one that
deploys, to that group. Neither has a secret. `--dry-run` says what would be done.
"""

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from pipelines.steps import access, devops, entra, github, groups, roles
from pipelines.steps.commands import ROOT, CommandFailed, Commands, say
from pipelines.steps.environments import ENVIRONMENTS, JSON, Environment

UNAPPROVED = ("dev",)
GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Plan:
    """`subscriptions` are by environment. One of `repository` and `project` is set. `is_adopted` trusts who else can be an app."""

    subscriptions: dict[str, str]
    tenant: str
    repository: github.Repository | None = None
    project: devops.Project | None = None
    infra: Path = ROOT / "infra-bicep"
    is_adopted: bool = False


def bootstrap(commands: Commands, plan: Plan) -> int:
    """Do it, and return the number of changes. Raises CommandFailed or RolesUnsafe."""
    condition = roles.condition_for(roles.assigned_by_templates(plan.infra))
    subscriptions = sorted(set(plan.subscriptions.values()))
    for name, (description, actions) in roles.CUSTOM.items():
        access.ensure_custom_role(commands, name, description, actions, subscriptions)
    for subscription in subscriptions:
        groups.ensure_providers(commands, plan.infra, subscription)
    for environment, subscription in plan.subscriptions.items():
        planner = entra.ensure_identity(commands, f"tollgate-{environment}-plan", plan.is_adopted)
        deployer = entra.ensure_identity(commands, f"tollgate-{environment}-deploy", plan.is_adopted)
        everything = access.Scope.of(subscription)
        group = groups.ensure_group(commands, Environment(environment, plan.infra), subscription)
        # Before it may do anything it is known who else can sign in as it.
        is_approved = environment not in UNAPPROVED
        for identity, name, waits in ((planner, f"{environment}-plan", False), (deployer, environment, is_approved)):
            connect(commands, plan, identity, name, subscription, waits)
        access.ensure_role(commands, planner, roles.PLANNER, everything)
        access.ensure_role(commands, deployer, roles.SUBMITTER, everything)
        access.ensure_role(commands, deployer, roles.CONTRIBUTOR, group)
        access.ensure_role(commands, deployer, roles.ACCESS_ADMINISTRATOR, group, condition)
        access.ensure_role(commands, deployer, roles.VAULT_SECRETS_USER, group)
    return commands.changes


def connect(
    commands: Commands, plan: Plan, identity: entra.Identity, name: str, subscription: str, is_approved: bool
) -> None:
    """Let runs of the environment `name` be the identity."""
    if plan.repository:
        github.ensure_environment(commands, plan.repository, name, is_approved)
        entra.ensure_trust(commands, identity, plan.repository.trust(name), plan.is_adopted)
        variables = {
            "AZURE_CLIENT_ID": identity.client_id,
            "AZURE_TENANT_ID": plan.tenant,
            "AZURE_SUBSCRIPTION_ID": subscription,
        }
        github.ensure_variables(commands, plan.repository, name, variables)
    if plan.project:
        if not name.endswith("-plan"):
            devops.ensure_environment(commands, plan.project, name)
        trust = devops.ensure_connection(
            commands, plan.project, f"tollgate-{name}", identity, plan.tenant, subscription, is_approved
        )
        entra.ensure_trust(commands, identity, trust, plan.is_adopted)


def subscriptions_of(given: list[str], environments: list[str]) -> dict[str, str]:
    """`ID` for all environments, or `NAME=ID` for one. Raises CommandFailed for what is no id, or an environment without one."""
    found: dict[str, str] = {}
    for each in given:
        name, _, subscription = each.rpartition("=")
        if not GUID.fullmatch(subscription.lower()):
            raise CommandFailed(f"{subscription} is not the id of a subscription")
        found |= {key: subscription.lower() for key in ([name] if name else environments)}
    if missing := [name for name in environments if name not in found]:
        raise CommandFailed(f"no subscription is given for {', '.join(missing)}")
    return {name: found[name] for name in environments}


def refuse_sharing(subscriptions: dict[str, str]) -> None:
    """Raises CommandFailed where a subscription has an environment that waits for an approval beside one that does not.

    Whoever deploys to dev may write deployments of its subscription, and the steps find the gateway of prod by those.
    """
    open_to_all = {subscriptions[name] for name in subscriptions if name in UNAPPROVED}
    if shared := [name for name in subscriptions if name not in UNAPPROVED and subscriptions[name] in open_to_all]:
        raise CommandFailed(
            f"{', '.join(shared)} would share a subscription with {', '.join(UNAPPROVED)}, which nobody approves: "
            "give another --subscription, or take the risk with --share-subscription"
        )


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--github", metavar="OWNER/REPO")
    where.add_argument("--azure-devops", metavar="https://dev.azure.com/ORGANIZATION/PROJECT")
    parser.add_argument(
        "--subscription", action="append", required=True, metavar="[ENVIRONMENT=]ID",
        help="a subscription for all environments, or for one; may be given again",
    )  # fmt: skip
    parser.add_argument("--environments", default=",".join(ENVIRONMENTS), help="with commas between (%(default)s)")
    parser.add_argument(
        "--reviewer", action="append", default=[], metavar="NAME",
        help="who approves staging and prod: a user or ORGANIZATION/TEAM of GitHub, an id of Azure DevOps; may be given again",
    )  # fmt: skip
    parser.add_argument(
        "--share-subscription", action="store_true",
        help="let environments with and without an approval be in one subscription; not for what matters",
    )  # fmt: skip
    parser.add_argument(
        "--adopt", action="store_true", help="use apps of these names that others own or can sign in as"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done and change nothing")
    return parser


def plan_of(commands: Commands, given: argparse.Namespace) -> Plan:
    """Raises CommandFailed for arguments that do not fit together."""
    environments = [name for name in given.environments.split(",") if name]
    if not given.reviewer and set(environments) - set(UNAPPROVED):
        raise CommandFailed("staging and prod wait for an approval: name a --reviewer")
    subscriptions = subscriptions_of(given.subscription, environments)
    if not given.share_subscription:
        refuse_sharing(subscriptions)
    tenant = str(commands.read("az", "account", "show", *JSON)["tenantId"])
    reviewers = tuple(given.reviewer)
    if given.github:
        repository = github.Repository.read(commands, given.github, reviewers)
        return Plan(subscriptions, tenant, repository=repository, is_adopted=given.adopt)
    project = devops.Project.read(commands, given.azure_devops, reviewers)
    return Plan(subscriptions, tenant, project=project, is_adopted=given.adopt)


def main() -> None:
    given = arguments().parse_args()
    commands = Commands(given.dry_run)
    try:
        changes = bootstrap(commands, plan_of(commands, given))
    except (CommandFailed, roles.RolesUnsafe) as failure:
        sys.exit(str(failure))
    say(f"{changes} changes{' would be made' if given.dry_run else ' made'}")


if __name__ == "__main__":
    main()
