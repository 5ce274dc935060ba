"""Environments of a GitHub repository: who approves, from which branch, and as whom a run signs in to Azure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.steps.commands import CommandFailed, Commands, json_file
from pipelines.steps.entra import Trust

ISSUER = "https://token.actions.githubusercontent.com"
BRANCH = "main"


@dataclass(frozen=True, slots=True)
class Repository:
    """`name` is OWNER/REPO, `subject` what the subjects of its tokens begin with. `reviewers` are people, or ORG/TEAM."""

    name: str
    subject: str
    reviewers: tuple[str, ...] = ()

    @classmethod
    def read(cls, commands: Commands, name: str, reviewers: tuple[str, ...] = ()) -> "Repository":
        """As GitHub writes its name. Raises CommandFailed where there is none, or where its tokens are of another form.

        Since 2026 the subject of new repositories has the ids of owner and repository in it: GitHub is asked, not guessed at.
        """
        known = commands.read("gh", "api", f"repos/{name}")
        form = commands.read("gh", "api", f"repos/{name}/actions/oidc/customization/sub")
        if not form.get("use_default", True):
            raise CommandFailed(f"the tokens of {name} have a subject of its own form: set it to the default one")
        return cls(known["full_name"], form.get("sub_claim_prefix") or f"repo:{known['full_name']}", reviewers)

    def trust(self, environment: str) -> Trust:
        """A run of the environment, whatever its branch: the environment itself says which branches may."""
        return Trust(f"github-{environment}", ISSUER, f"{self.subject}:environment:{environment}")


def ensure_environment(commands: Commands, repository: Repository, name: str, is_approved: bool) -> None:
    """Make the environment, open to the main branch only, with the reviewers if a deployment to it is to be approved.

    Reviewers of an environment that need not be approved are somebody's own wish and stay.
    """
    there = commands.find("gh", "api", f"repos/{repository.name}/environments/{name}")
    wanted = sorted(reviewer_ids(commands, repository.reviewers)) if is_approved else reviewers_of(there or {})
    if there is None or not is_as_wanted(there, wanted):
        settings = {
            "reviewers": [{"type": kind, "id": number} for kind, number in wanted],
            "prevent_self_review": bool(wanted),
            "can_admins_bypass": False,
            "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
        }
        with json_file(settings) as path:
            commands.change(
                f"set up the environment {name} of {repository.name}",
                "gh", "api", "--method", "PUT", f"repos/{repository.name}/environments/{name}", "--input", path,
            )  # fmt: skip
    ensure_branch(commands, repository, name, is_new=there is None and commands.dry_run)


def is_as_wanted(there: Mapping[str, Any], wanted: list[tuple[str, int]]) -> bool:
    rules = [rule for rule in there.get("protection_rules") or [] if rule["type"] == "required_reviewers"]
    return (
        reviewers_of(there) == wanted
        and all(rule.get("prevent_self_review") for rule in rules)
        # An older server does not say, and then cannot be told either.
        and not there.get("can_admins_bypass", False)
        and bool((there.get("deployment_branch_policy") or {}).get("custom_branch_policies"))
    )


def ensure_branch(commands: Commands, repository: Repository, name: str, is_new: bool) -> None:
    """Open the environment to the main branch, and close it to every other branch and tag."""
    address = f"repos/{repository.name}/environments/{name}/deployment-branch-policies"
    there = [] if is_new else (commands.find("gh", "api", address) or {}).get("branch_policies", [])
    is_main = [policy["name"] == BRANCH and policy.get("type", "branch") == "branch" for policy in there]
    for policy in [policy for policy, is_kept in zip(there, is_main, strict=True) if not is_kept]:
        commands.change(
            f"let {name} no longer be deployed from {policy['name']}",
            "gh", "api", "--method", "DELETE", f"{address}/{policy['id']}",
        )  # fmt: skip
    if not any(is_main):
        commands.change(
            f"let {name} be deployed from {BRANCH}", "gh", "api", "--method", "POST", address, "-f", f"name={BRANCH}"
        )


def reviewers_of(environment: Mapping[str, Any]) -> list[tuple[str, int]]:
    rules = environment.get("protection_rules") or []
    found: Iterable[Mapping[str, Any]] = (
        reviewer for rule in rules if rule["type"] == "required_reviewers" for reviewer in rule["reviewers"]
    )
    return sorted((str(each["type"]), int(each["reviewer"]["id"])) for each in found)


def reviewer_ids(commands: Commands, names: tuple[str, ...]) -> list[tuple[str, int]]:
    found = []
    for name in names:
        organization, _, team = name.partition("/")
        address = f"orgs/{organization}/teams/{team}" if team else f"users/{name}"
        found.append(("Team" if team else "User", int(commands.read("gh", "api", address)["id"])))
    return found


def ensure_variables(commands: Commands, repository: Repository, name: str, wanted: Mapping[str, str]) -> None:
    """Set the environment's variables. They are names of identities, not secrets."""
    at = ("--repo", repository.name, "--env", name)
    listed = commands.find("gh", "variable", "list", *at, "--json", "name,value") or []
    there = {each["name"]: each["value"] for each in listed}
    for variable, value in wanted.items():
        if there.get(variable) != value:
            commands.change(f"set {variable} of {name}", "gh", "variable", "set", variable, *at, "--body", value)
