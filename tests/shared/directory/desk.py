"""A directory as one instance of the gateway has it, with short ways to change it and to look at what is stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.audit.model import Actor
from shared.audit.store import AuditLog, Entry
from shared.directory.changes import Change, Put
from shared.directory.documents import CONTAINER, PARTITION, Stored
from shared.directory.model import Kind, Resource
from shared.directory.store import DirectoryStore
from shared.documents import DocumentStore, Json
from tests.fakes import FakeClock

ADA = Actor("vk_ada", "virtual_key")


@dataclass
class Desk:
    documents: DocumentStore
    clock: FakeClock
    log: AuditLog = field(init=False)
    store: DirectoryStore = field(init=False)

    def __post_init__(self) -> None:
        self.log = AuditLog(self.documents, b"pepper")
        self.store = DirectoryStore(self.documents, self.clock, self.log)

    async def commit(self, *changes: Change, action: str = "test") -> tuple[Stored | None, ...]:
        async def plan() -> Sequence[Change]:
            return changes

        return await self.store.commit(ADA, action, plan, "req_1")

    async def put(self, resource: Resource, **options: object) -> Stored:
        (stored,) = await self.commit(Put(resource, **options))  # type: ignore[arg-type]
        assert stored is not None
        return stored

    async def resource(self, address: str) -> Resource | None:
        stored = await self.store.get(address)
        return stored.resource if stored else None

    async def raw(self, id: str) -> Json | None:
        document = await self.documents.get(CONTAINER, PARTITION, id)
        return document.body if document else None

    async def everything(self) -> dict[str, Json]:
        page = await self.documents.query(CONTAINER, PARTITION, limit=1000)
        return {str(document.body["id"]): document.body for document in page.documents}

    async def entries(self) -> list[Entry]:
        return list(reversed((await self.log.page(1000))[0]))

    async def ids(self, kind: Kind, **filters: str) -> list[str]:
        stored, _ = await self.store.page(kind, limit=1000, **filters)
        return [str(getattr(item.resource, "id", "")) for item in stored]
