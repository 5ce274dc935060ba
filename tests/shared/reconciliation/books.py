"""A ledger with entries and events in it, made by the real service, and ways to spoil it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from shared.documents import DocumentStore, Json
from shared.ledger import documents as forms
from shared.ledger.documents import MOST_BYTES
from shared.ledger.model import CONTAINER, Dimensions, Entry, EntryType
from shared.ledger.service import LedgerService
from shared.ledger.store import LedgerStore
from shared.reconciliation.service import ReconciliationService
from tests.fakes import FakeClock, MemoryDocuments
from tests.shared.watched_documents import Watched

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
TEAM, MONTH = "search", "2026-11"
PARTITION = f"{TEAM}|{MONTH}"


def event_of(number: int, at: datetime = NOON, team: str = TEAM) -> Json:
    return {"id": f"req_{number:06}", "kind": "event", "schema": 3, "team": team, "started_at": at.isoformat()}


def entry_for(
    number: int, at: datetime = NOON, team: str = TEAM, cost: int | None = 1_000_000_007, **more: object
) -> Entry:
    """Return the entry of an event; `more` are dimensions."""
    sums = {"requests": 1, "tokens.input_fresh": 10 + number}
    dimensions = Dimensions(team, model="gpt-4.1", **more)  # type: ignore[arg-type]
    event = f"req_{number:06}"
    lines = {} if cost is None else {"input_fresh": cost}
    return Entry(f"led_{event}", at, at, dimensions, sums, event, cost, lines, tags=("pr=1",) if number % 2 else ())


def adjustment(number: int, at: datetime, cost: int, posted_at: datetime | None = None, team: str = TEAM) -> Entry:
    dimensions = Dimensions(team, EntryType.ADJUSTMENT, model="gpt-4.1")
    return Entry(
        f"adj_{number:06}", at, posted_at or at, dimensions, {}, cost=cost, lines={"other": cost}, reason="late"
    )


class Books:
    """A ledger in memory, or in another store, and what looks after it."""

    def __init__(self, documents: DocumentStore | None = None, time_zone: str = "UTC") -> None:
        self.clock = FakeClock(NOON + timedelta(days=1))
        self.documents: DocumentStore = documents or MemoryDocuments(self.clock)
        self.time_zone = time_zone
        self.ledger = LedgerService(self.documents, self.clock, time_zone=time_zone, sleep=no_pause)
        self.store = LedgerStore(self.documents)
        self.archived = 0
        self.reconciliation = self.service(self.documents)

    def service(self, documents: DocumentStore) -> ReconciliationService:
        return ReconciliationService(
            documents, self.clock, forms, self.repost, self.count_archived, time_zone=self.time_zone
        )

    async def use(
        self,
        *numbers: int,
        at: datetime = NOON,
        team: str = TEAM,
        ledger: LedgerService | None = None,
        **more: object,
    ) -> int:
        entries = [entry_for(number, at + timedelta(minutes=7 * number), team, **more) for number in numbers]  # type: ignore[arg-type]
        events = [event_of(number, at + timedelta(minutes=7 * number), team) for number in numbers]
        return await (ledger or self.ledger).post(entries, events)

    async def repost(self, events: Sequence[Json]) -> int:
        """As the ingest would: the entry is made of the event alone."""
        entries = [
            entry_for(int(str(event["id"])[4:]), datetime.fromisoformat(str(event["started_at"])), str(event["team"]))
            for event in events
        ]
        return await self.posting().post(entries, events)

    def posting(self, documents: DocumentStore | None = None, most_bytes: int = MOST_BYTES) -> LedgerService:
        """Return another instance that posts, with volumes of a size."""
        return LedgerService(
            documents or self.documents, self.clock, time_zone=self.time_zone, most_bytes=most_bytes, sleep=no_pause
        )

    async def count_archived(self, team: str, month: str) -> int:
        return self.archived

    async def content(self, partition: str = PARTITION) -> dict[str, Json]:
        """Return every document of a partition, but for what tells of the number of postings."""
        page = await self.documents.query(CONTAINER, partition, limit=100_000)
        return {str(document.body["id"]): _timeless(document.body) for document in page.documents}


class Lasting(Watched):
    """Takes so many seconds for each call of one kind."""

    def __init__(self, store: DocumentStore, clock: FakeClock, seconds: float, name: str = "get") -> None:
        super().__init__(store)
        self._clock, self._seconds, self._name = clock, seconds, name

    async def after(self, name: str) -> None:
        self._clock.advance(self._seconds if name == self._name else 0)


async def no_pause(seconds: float) -> None:
    pass


def _timeless(body: Json) -> Json:
    return {name: value for name, value in body.items() if name not in ("sequence", "digest", "posting", "repairs")}
