"""Keeps ownership in documents: one by object id, to find the owner, and one by team, to list a team's objects."""

from shared.documents import Condition, Document, DocumentExists, DocumentStore
from shared.ownership.model import OwnedObject
from shared.wire.openai.endpoints import Kind

OWNERS, BELONGINGS = "object-owners", "team-objects"


class OwnershipStore:
    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def find(self, object_id: str) -> OwnedObject | None:
        document = await self._documents.get(OWNERS, object_id, object_id)
        return _owned(document) if document else None

    async def add(self, owned: OwnedObject) -> OwnedObject:
        """Store the object unless it has an owner already, and return it as it is stored.

        The owner is stored first, so that an object is never listed before it can be found. Parts of a response are found
        but never listed.
        """
        body = {
            "schema": 1,
            "id": owned.id,
            "kind": owned.kind.value,
            "team": owned.team,
            "deployment": owned.deployment,
            "created": owned.created,
            "label": owned.label,
        }
        try:
            await self._documents.create(OWNERS, owned.id, body)
        except DocumentExists:
            return await self.find(owned.id) or owned
        if owned.kind is not Kind.ITEM:
            await self._documents.upsert(BELONGINGS, _partition(owned.team, owned.kind), body)
        return owned

    async def remove(self, owned: OwnedObject) -> None:
        await self._documents.delete(BELONGINGS, _partition(owned.team, owned.kind), owned.id)
        await self._documents.delete(OWNERS, owned.id, owned.id)

    async def of_team(
        self, team: str, kind: Kind, edge: str | None, *, descending: bool, limit: int, label: str | None
    ) -> list[OwnedObject]:
        """Return a team's objects by time of creation, strictly beyond the `created` of the edge."""
        where = [Condition("created", "<" if descending else ">", edge)] if edge else []
        if label is not None:
            where.append(Condition("label", "=", label))
        page = await self._documents.query(
            BELONGINGS, _partition(team, kind), where, order_by="created", descending=descending, limit=limit
        )
        return [_owned(document) for document in page.documents]


def _partition(team: str, kind: Kind) -> str:
    return f"{team}|{kind.value}"


def _owned(document: Document) -> OwnedObject:
    body = document.body
    return OwnedObject(
        id=str(body["id"]),
        kind=Kind(str(body["kind"])),
        team=str(body["team"]),
        deployment=str(body["deployment"]),
        created=str(body["created"]),
        label=str(label) if (label := body.get("label")) is not None else None,
    )
