"""Messages that are not usage events, set aside one by one, so that the others of their batch are not held up with them."""

import base64
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from shared.clock import Clock
from shared.documents import Condition, DocumentExists, DocumentStore, Json
from shared.ledger.documents import entry_id
from shared.ledger.model import CONTAINER
from shared.ledger.store import LedgerStore

PARTITION = "rejected"
MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message with the reason why it is here. The id is made of its content; `body` is cut at 64 KB, `size` is not."""

    id: str
    reason: str
    at: datetime
    body: bytes
    size: int

    @property
    def is_whole(self) -> bool:
        return len(self.body) == self.size


class RejectedStore:
    """Every method raises StoreUnavailable."""

    def __init__(self, documents: DocumentStore, clock: Clock) -> None:
        self._documents, self._clock = documents, clock

    async def keep(self, body: bytes, reason: str) -> None:
        """Set a message aside; one that is delivered again is there once."""
        document = {
            "id": f"rej_{sha256(body).hexdigest()[:32]}",
            "kind": "rejected",
            "reason": reason[:500],
            "at": self._clock.now().isoformat(),
            "body": base64.b64encode(body[:MOST_BYTES]).decode(),
            "size": len(body),
        }
        with suppress(DocumentExists):
            await self._documents.create(CONTAINER, PARTITION, document)

    async def page(self, limit: int = 50, cursor: str | None = None) -> tuple[Sequence[Rejected], str | None]:
        """Return some of them, oldest first, and the cursor that goes on. Raises ValueError for a cursor that is none."""
        where = [Condition("id", ">=", "rej_"), Condition("id", "<", "rej_~")]
        page = await self._documents.query(CONTAINER, PARTITION, where, order_by="at", limit=limit, cursor=cursor)
        return [_rejected(document.body) for document in page.documents], page.cursor

    async def get(self, id: str) -> Rejected | None:
        document = await self._documents.get(CONTAINER, PARTITION, id)
        return _rejected(document.body) if document else None

    async def is_posted(self, event_id: str, team: str, at: datetime) -> bool:
        """Whether the ledger has an entry of an event as use of a team in the month of a moment: to be asked before it is sent anew."""
        return await LedgerStore(self._documents).find(team, at, entry_id(event_id)) is not None

    async def remove(self, id: str) -> bool:
        """Remove a message that was corrected and sent again, or given up, and say whether there was one."""
        return await self._documents.delete(CONTAINER, PARTITION, id)


def _rejected(document: Json) -> Rejected:
    return Rejected(
        id=str(document["id"]),
        reason=str(document["reason"]),
        at=datetime.fromisoformat(str(document["at"])),
        body=base64.b64decode(str(document["body"])),
        size=int(str(document["size"])),
    )
