"""Keeps ownership in documents: one by object id, to find the owner, and one by team, to list a team's objects."""

from shared.documents import Condition, Document, DocumentStore
from shared.ownership.model import OwnedObject
from shared.wire.openai.endpoints import Kind

OWNERS, BELONGINGS = "object-owners", "team-objects"


class OwnershipStore:
    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def find(self, object_id: str) -> OwnedObject | None:
        document = await self._documents.get(OWNERS, object_id, object_id)
        return _owned(document) if document else None

    async def add(self, owned: OwnedObject) -> None:
        """Store both documents; the owner first, so that an object is never listed before it can be found."""
        body = {
            "schema": 1,
            "id": owned.id,
            "kind": owned.kind.value,
            "team": owned.team,
            "deployment": owned.deployment,
            "created": owned.created,
        }
        await self._documents.upsert(OWNERS, owned.id, body)
        await self._documents.upsert(BELONGINGS, _partition(owned.team, owned.kind), body)

    async def remove(self, owned: OwnedObject) -> None:
        await self._documents.delete(BELONGINGS, _partition(owned.team, owned.kind), owned.id)
        await self._documents.delete(OWNERS, owned.id, owned.id)

    async def of_team(
        self, team: str, kind: Kind, *, before: str | None, after: str | None, descending: bool, limit: int
    ) -> list[OwnedObject]:
        """Return a team's objects by time of creation, strictly before or after the given `created`."""
        where = [Condition("created", "<", before)] if before else []
        if after:
            where.append(Condition("created", ">", after))
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
    )
