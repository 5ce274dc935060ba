"""The checks of Azure DevOps that a run waits for before it may use an environment or a service connection."""

from dataclasses import dataclass
from typing import Any

BRANCH = "refs/heads/main"
# These ids are the same in every organization.
APPROVAL = {"id": "8C6F20A7-A545-4486-9777-F762FAFE0D4D", "name": "Approval"}
LOCK = {"id": "2EF31AD6-BAA0-403A-8B45-2CBC9B4E5563", "name": "ExclusiveLock"}
TASK = {"id": "FE1DE3EE-A436-41B4-BB20-F6EB4CB879A7", "name": "Task Check"}
BRANCH_CONTROL = {
    "id": "86b05a0c-73e6-4f7d-b3cf-e38f3b39a75b", "name": "evaluatebranchProtection", "version": "0.0.1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """`name` is for people; `compared` are the settings in which one that is there must be alike."""

    name: str
    type: dict[str, str]
    settings: dict[str, Any]
    compared: tuple[str, ...] = ()

    def is_kind_of(self, there: dict[str, Any]) -> bool:
        """Whether that check, as Azure DevOps lists it, is one of this kind."""
        task = (there.get("settings") or {}).get("definitionRef", {}).get("id")
        return str(there["type"]["name"]) == self.type["name"] and task == self.settings.get("definitionRef", {}).get(
            "id"
        )

    def is_met_by(self, there: dict[str, Any]) -> bool:
        return all(_plain(there["settings"].get(key)) == _plain(self.settings[key]) for key in self.compared)


def _plain(value: Any) -> Any:
    """Approvers by their ids alone: names and pictures are listed beside them."""
    return sorted(str(each["id"]).lower() for each in value) if isinstance(value, list) else value


EXCLUSIVE_LOCK = Check("its turn", LOCK, {})


def for_connection(approvers: tuple[str, ...]) -> list[Check]:
    """Runs of the main branch only and, where there are approvers, an approval by one who has not started the run."""
    inputs = {"allowedBranches": BRANCH, "ensureProtectionOfBranch": "true", "allowUnknownStatusBranch": "false"}
    found = [
        Check(
            "the branch main", TASK,
            {"displayName": "Branch control", "definitionRef": BRANCH_CONTROL, "inputs": inputs},
            ("inputs",),
        )
    ]  # fmt: skip
    if approvers:
        settings = {
            "approvers": [{"id": approver} for approver in approvers],
            "minRequiredApprovers": 1,
            "requesterCannotBeApprover": True,
        }
        found.append(Check("an approval", APPROVAL, settings, ("approvers", "requesterCannotBeApprover")))
    return found
