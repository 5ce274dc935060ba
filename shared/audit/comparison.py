"""Holds the stored resources against what the audit log says of each of them last."""

import hashlib
from collections.abc import AsyncIterator

import orjson
from pydantic import ValidationError

from shared.audit.model import ENTRY, Chain
from shared.directory.documents import CONTAINER, PARTITION, document_id, is_live, owning_team, stored_of
from shared.directory.model import TYPES, Key, Resource, address_of
from shared.documents import Condition, Document, DocumentStore, Json

_PAGE, _ENTRIES = 200, 5
_LOOKS = 5
"""How often a resource is looked at that changes at the same time."""


class Comparison:
    """What the log says of every resource: a hash for each that is there, so that a long log takes no more memory than a short one."""

    def __init__(self, documents: DocumentStore, chain: Chain) -> None:
        self._documents, self._chain = documents, chain
        self._hashes: dict[str, bytes] = {}

    def learn(self, entry: Json) -> None:
        """Take in the next entry of the log. What was done elsewhere says nothing of a resource."""
        if _is_note(entry):
            return
        identity, after = document_id(str(entry["target"])), _hash(entry["after"])
        if after is None:
            self._hashes.pop(identity, None)
        else:
            self._hashes[identity] = after

    async def first_difference(self) -> str | None:
        """Return the address of a resource that is not as the log says: changed, added or removed without an entry."""
        async for document in self._resources():
            identity = str(document.body["id"])
            is_same = self._hashes.pop(identity, None) == _hash(document.body.get("resource"))
            if not (is_same and _is_consistent(document)) and await self._differs(identity):
                return _address(identity)
        for identity in self._hashes:
            if await self._differs(identity):
                return _address(identity)
        return None

    async def _differs(self, identity: str) -> bool:
        """Look once more: the resource may have been changed, together with an entry, since the log was read."""
        if document_id(_address(identity)) != identity:
            return True
        for _ in range(_LOOKS):
            entry = await self._last_entry(identity)
            document = await self._documents.get(CONTAINER, PARTITION, identity)
            if entry == await self._last_entry(identity):
                return not _is_as_told(document, entry)
        return False

    async def _last_entry(self, identity: str) -> Json | None:
        """Return the last genuine entry that says how a resource was left."""
        where = [Condition("kind", "=", ENTRY), Condition("target", "=", _address(identity))]
        cursor: str | None = None
        while True:
            page = await self._documents.query(
                CONTAINER, PARTITION, where, descending=True, limit=_ENTRIES, cursor=cursor
            )
            for item in page.documents:
                if not _is_note(item.body):
                    return item.body if self._chain.is_sealed(item.body) else None
            if (cursor := page.cursor) is None:
                return None

    async def _resources(self) -> AsyncIterator[Document]:
        for kind in TYPES:
            cursor: str | None = None
            while True:
                where = [Condition("kind", "=", kind.value)]
                page = await self._documents.query(CONTAINER, PARTITION, where, limit=_PAGE, cursor=cursor)
                for document in page.documents:
                    yield document
                cursor = page.cursor
                if cursor is None:
                    break


def _is_note(entry: Json) -> bool:
    """Whether an entry tells of something that was done, and not of a resource: none was there before it and none after."""
    return entry["before"] is None and entry["after"] is None


def _is_as_told(document: Document | None, entry: Json | None) -> bool:
    told = _hash(entry["after"]) if entry else None
    if not is_live(document):
        return told is None
    return told == _hash(document.body.get("resource")) and _is_consistent(document)


def _is_consistent(document: Document) -> bool:
    """Whether the fields that a resource is found by are those of the resource itself."""
    body = document.body
    try:
        resource = stored_of(document).resource
    except (ValidationError, ValueError, KeyError):
        return False
    return (
        body["id"] == document_id(address_of(resource))
        and body.get("scope") == resource.scope
        and body.get("owner") == (resource.owner if isinstance(resource, Key) else None)
        and _is_its_team(resource, str(body.get("team")))
    )


def _is_its_team(resource: Resource, team: str) -> bool:
    """The team of what hangs on a key is not said by the resource itself."""
    hangs_on_key = resource.scope.startswith("keys/") and not isinstance(resource, Key)
    return hangs_on_key or (owning_team(resource) or "") == team


def _address(identity: str) -> str:
    return identity.replace("|", "/")


def _hash(resource: object) -> bytes | None:
    if resource is None:
        return None
    return hashlib.blake2b(orjson.dumps(resource, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
