"""Holds changes against what is stored, and works out the documents that carry them out."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.directory.changes import Change, Put, Remove
from shared.directory.documents import (
    CONTAINER,
    PARTITION,
    TOMBSTONE_S,
    KeyDigest,
    Stored,
    body_of,
    digest_body,
    digest_id,
    document_id,
    is_live,
    owning_team,
    stored_of,
    tombstone_of,
)
from shared.directory.model import Key, Resource
from shared.documents import (
    Create,
    Document,
    DocumentExists,
    DocumentMissing,
    DocumentStore,
    Json,
    Operation,
    PreconditionFailed,
    Replace,
)

_KEYS = "keys/"


@dataclass(frozen=True, slots=True)
class Step:
    """One change, the document in whose place it comes (perhaps a tombstone), and the resource before and after."""

    change: Change
    document: Document | None
    before: Stored | None
    after: Stored | None

    @property
    def address(self) -> str:
        return self.change.address


async def steps_for(documents: DocumentStore, changes: Sequence[Change], now: datetime) -> tuple[Step, ...]:
    """Hold every change against what is stored. Raises DocumentExists, DocumentMissing, PreconditionFailed."""
    if len({change.address for change in changes}) < len(changes):
        raise ValueError("two changes of one commit are to the same resource")
    found = await _read(documents, [document_id(change.address) for change in changes])
    return tuple(_step(change, document, now) for change, document in zip(changes, found, strict=True))


async def operations_for(
    documents: DocumentStore, steps: Sequence[Step], teams: Sequence[str | None]
) -> list[Operation]:
    """Return what stores the resources, in the order of the steps, and then what has to follow them."""
    resources = [_resource(step, team) for step, team in zip(steps, teams, strict=True)]
    return [*resources, *await _digests(documents, steps)]


def _step(change: Change, document: Document | None, now: datetime) -> Step:
    before = stored_of(document) if is_live(document) else None
    if before is None and (isinstance(change, Remove) or change.if_match is not None):
        raise DocumentMissing(change.address)
    if before is not None and isinstance(change, Put) and change.is_new:
        raise DocumentExists(change.address)
    if before is not None and change.if_match not in (None, before.etag):
        raise PreconditionFailed(change.address)
    after = _after(change, before, now) if isinstance(change, Put) else None
    if before and after and _leaves_team(before.resource, after.resource):
        raise ValueError(f"{change.address} cannot leave its team: what hangs on it belongs there")
    return Step(change, document, before, after)


def _leaves_team(before: Resource, after: Resource) -> bool:
    return isinstance(before, Key) and owning_team(before) != owning_team(after)


def _after(change: Put, before: Stored | None, now: datetime) -> Stored:
    return Stored(
        resource=change.resource,
        etag="",
        updated_at=now,
        created_at=before.created_at if before else now,
        digests=(before.digests if before else ()) if change.digests is None else change.digests,
        hint=(before.hint if before else None) if change.hint is None else change.hint,
        made_by=(before.made_by if before else None) if change.made_by is None else change.made_by,
    )


def _resource(step: Step, team: str | None) -> Operation:
    if step.after:
        return _write(step.document, body_of(step.after, team))
    assert step.document is not None
    return _bury(step.document)


def concerned(step: Step, team: str | None) -> str | None:
    """Return the team whose resource a step changes, where `team` is the one afterwards; None for none, and for two."""
    before = str(step.document.body["team"]) if step.before and step.document else None
    if step.before and step.after:
        return team if (team or "") == before else None
    return (team if step.after else before) or None


async def teams_for(documents: DocumentStore, steps: Sequence[Step]) -> list[str | None]:
    """Return the team of each step's resource; what hangs on a key has the key's."""
    keys = [step.after.resource for step in steps if step.after and isinstance(step.after.resource, Key)]
    teams = {key.scope: owning_team(key) for key in keys}
    scopes = {step.after.resource.scope for step in steps if step.after}
    asked = [scope for scope in scopes if scope.startswith(_KEYS) and scope not in teams]
    for scope, document in zip(asked, await _read(documents, map(document_id, asked)), strict=True):
        teams[scope] = str(document.body["team"]) if is_live(document) else None
    return [_team(step, teams) for step in steps]


def _team(step: Step, teams: dict[str, str | None]) -> str | None:
    if not isinstance(step.change, Put):
        return None
    resource = step.change.resource
    return owning_team(resource) or teams.get(resource.scope) or step.change.team


async def _digests(documents: DocumentStore, steps: Sequence[Step]) -> list[Operation]:
    """Return what leads from the secrets that keys have now to these keys, and no longer from those that they had."""
    before, after = _owners(step.before for step in steps), _owners(step.after for step in steps)
    changed = [digest for digest in before | after if before.get(digest) != after.get(digest)]
    operations: list[Operation] = []
    for digest, document in zip(changed, await _read(documents, map(digest_id, changed)), strict=True):
        if digest in after:
            if is_live(document) and digest not in before:
                raise DocumentExists("another key has this secret")
            operations.append(_write(document, digest_body(after[digest], KeyDigest(digest))))
        elif is_live(document):
            operations.append(_bury(document))
    return operations


def _owners(sides: Iterable[Stored | None]) -> dict[str, str]:
    """Return the key of each digest. Raises DocumentExists where two have the same."""
    owners: dict[str, str] = {}
    for stored in sides:
        if stored is None or not isinstance(stored.resource, Key):
            continue
        for item in stored.digests:
            if owners.setdefault(item.digest, stored.resource.id) != stored.resource.id:
                raise DocumentExists("another key has this secret")
    return owners


def _write(document: Document | None, body: Json) -> Operation:
    return Replace(body, document.etag) if document else Create(body)


def _bury(document: Document) -> Operation:
    return Replace(tombstone_of(document.body), document.etag, TOMBSTONE_S)


async def _read(documents: DocumentStore, ids: Iterable[str]) -> list[Document | None]:
    return list(await asyncio.gather(*(documents.get(CONTAINER, PARTITION, id) for id in ids)))
