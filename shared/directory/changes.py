"""What can be done to the directory: a resource is put there or removed."""

from dataclasses import dataclass

from shared.directory.documents import KeyDigest
from shared.directory.model import Resource, Role, address_of


@dataclass(frozen=True, slots=True)
class Put:
    """Stores a resource: `is_new` only if there is none yet, `if_match` only over this version.

    `digests` and `hint` are those of a key's secrets; None keeps the ones that it has. `team` is needed only for what
    hangs on a key that is not stored. `made_by` is the role of who sets it; None keeps who it was.
    `action` is this change's name in the audit log, where it differs from the commit's.
    """

    resource: Resource
    if_match: str | None = None
    is_new: bool = False
    digests: tuple[KeyDigest, ...] | None = None
    hint: str | None = None
    team: str | None = None
    action: str | None = None
    made_by: Role | None = None

    @property
    def address(self) -> str:
        return address_of(self.resource)


@dataclass(frozen=True, slots=True)
class Remove:
    """Removes what is stored at an address, with `if_match` only this version."""

    address: str
    if_match: str | None = None
    action: str | None = None


Change = Put | Remove
