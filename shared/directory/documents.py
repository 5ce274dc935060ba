"""How the directory is kept: every resource, key digest and audit entry in one partition, so that one batch can change them together."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeGuard, cast

from shared.directory.model import TYPES, Key, Kind, Resource, Role, address_of, kind_of, team_of
from shared.documents import Document, Json

CONTAINER, PARTITION = "directory", "organization"
TOMBSTONE_S = 24 * 3600
"""Seconds for which a deleted resource stays as a tombstone: the change feed does not show deletions."""


@dataclass(frozen=True, slots=True)
class KeyDigest:
    """One secret of a key, as its HMAC in hexadecimal; `until` ends the grace period of a secret that was replaced."""

    digest: str = field(repr=False)
    until: datetime | None = None

    def works(self, now: datetime) -> bool:
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Stored:
    """A resource as it is stored. Only keys have `digests`, which never leave the gateway, and a `hint`: the secret's beginning.

    `made_by` is the role of who set a policy or budget last; None where that is not known.
    """

    resource: Resource
    etag: str
    updated_at: datetime
    created_at: datetime
    digests: tuple[KeyDigest, ...] = ()
    hint: str | None = None
    made_by: Role | None = None


def document_id(address: str) -> str:
    return address.replace("/", "|")


def digest_id(digest: str) -> str:
    return f"digest|{digest}"


def body_of(stored: Stored, team: str | None) -> Json:
    """Return the document: `scope` is the node that it belongs to, `team` the team whose admins may see it."""
    resource = stored.resource
    body: dict[str, object] = {
        "schema": 1,
        "id": document_id(address_of(resource)),
        "kind": kind_of(resource).value,
        "scope": resource.scope,
        "team": team or "",
        "resource": json_of(resource),
        "created_at": stored.created_at.isoformat(),
        "updated_at": stored.updated_at.isoformat(),
    }
    if stored.made_by is not None:
        body["made_by"] = stored.made_by.value
    if isinstance(resource, Key):
        body["owner"] = resource.owner
        body["hint"] = stored.hint
        body["digests"] = [
            {"digest": item.digest, "until": item.until.isoformat() if item.until else None} for item in stored.digests
        ]
    return body


def json_of(resource: Resource) -> Json:
    return resource.model_dump(mode="json", exclude_none=True)


def digest_body(key_id: str, digest: KeyDigest) -> Json:
    """Return the document that leads from a digest to its key."""
    identity = digest_id(digest.digest)
    return {"schema": 1, "id": identity, "kind": "digest", "scope": identity, "team": "", "key": key_id}


def tombstone_of(body: Json) -> Json:
    """Return what replaces a deleted document, until its time to live is over."""
    kept = {name: body[name] for name in ("schema", "id", "kind", "scope", "team")}
    return {**kept, "kind": f"deleted-{kept['kind']}", "deleted": True}


def is_live(document: Document | None) -> TypeGuard[Document]:
    return document is not None and not document.body.get("deleted")


def stored_of(document: Document) -> Stored:
    body = document.body
    kind = Kind(str(body["kind"]))
    digests = cast("list[dict[str, str | None]]", body.get("digests") or [])
    hint, made_by = body.get("hint"), body.get("made_by")
    return Stored(
        resource=TYPES[kind].model_validate(body["resource"]),
        etag=document.etag,
        updated_at=datetime.fromisoformat(str(body["updated_at"])),
        created_at=datetime.fromisoformat(str(body["created_at"])),
        digests=tuple(KeyDigest(str(item["digest"]), _time(item["until"])) for item in digests),
        hint=str(hint) if hint else None,
        made_by=Role(str(made_by)) if made_by else None,
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def owning_team(resource: Resource) -> str | None:
    """Return the team that a resource belongs to, as far as it says itself: not for what hangs on a key."""
    return team_of(resource.owner if isinstance(resource, Key) else resource.scope)
