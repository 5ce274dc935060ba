"""Who owns an object that lives upstream behind the gateway's single identity."""

from dataclasses import dataclass

from shared.wire.openai.endpoints import Kind


@dataclass(frozen=True, slots=True)
class OwnedObject:
    """An object's id, and the team and deployment that made it. `created` orders lists; newest is greatest.

    `label` is what lists can be filtered by: the purpose of a file.
    """

    id: str
    kind: Kind
    team: str
    deployment: str
    created: str
    label: str | None = None
