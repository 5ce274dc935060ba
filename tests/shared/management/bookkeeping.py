"""The books of the office: the services themselves on a store in memory, and queues and files that are dictionaries."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, cast

from shared.alerts.model import AlertingConfig, Delivery, State, WebhookChannel
from shared.alerts.store import DeliveryStore
from shared.catalog.service import PriceBook
from shared.directory.store import DirectoryStore
from shared.documents import DocumentStore
from shared.finance.building import Origin
from shared.finance.facts import Days
from shared.finance.manifest import Manifest, Output
from shared.finance.model import FinanceConfig, ReportConfig, ReportKind, Schedule
from shared.finance.runs import ReportRuns
from shared.finance.service import ReportService
from shared.finance.signing import ReportSigner
from shared.finance.store import Run, RunState, RunStore
from shared.jobs.alert_channels import Channels, Outcome, Verdict
from shared.jobs.counted_ledger import CountedLedger
from shared.ledger import documents as forms
from shared.ledger.model import Dimensions, Entry
from shared.ledger.service import LedgerService
from shared.ledger.store import LedgerStore
from shared.management.books import Books
from shared.management.live_books import Services, books_of
from shared.queues import DeadLetter, DeadLetterMissing
from shared.reconciliation.closing import ClosingService
from shared.reconciliation.months import Calendar
from shared.reconciliation.periods import PeriodStore
from shared.reconciliation.service import ReconciliationService
from shared.redaction import Secret
from shared.sessions.model import SessionsConfig
from shared.windows import Window
from tests.fakes import FakeClock

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ZONE = "Europe/Berlin"
SIGNER = ReportSigner(Secret("a secret that is quite long enough"))
EXPORT = b"Date,Meter,Cost,Currency,Quantity,UnitOfMeasure,Tags\n12/01/2025,tokens,1.5,USD,2,1K,\n"


class Letters:
    """Dead letters in a dictionary; what went back is in `replayed`."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], DeadLetter] = {}
        self.replayed: list[tuple[str, bytes]] = []

    def add(self, queue: str, body: bytes, reason: str = "invalid") -> str:
        id = str(len(self.kept) + 1)
        self.kept[queue, id] = DeadLetter(id, f"msg-{id}", body, reason, NOON)
        return id

    async def page(self, queue: str, limit: int, cursor: str | None = None) -> tuple[Sequence[DeadLetter], str | None]:
        found = [letter for (name, _), letter in self.kept.items() if name == queue]
        start = int(cursor or 0)
        more = start + limit < len(found)
        return found[start : start + limit], str(start + limit) if more else None

    async def get(self, queue: str, id: str) -> DeadLetter | None:
        return self.kept.get((queue, id))

    async def replay(self, queue: str, id: str, body: bytes | None = None) -> None:
        letter = self._take(queue, id)
        self.replayed.append((queue, letter.body if body is None else body))

    async def discard(self, queue: str, id: str) -> None:
        self._take(queue, id)

    async def close(self) -> None:
        pass

    def _take(self, queue: str, id: str) -> DeadLetter:
        if (queue, id) not in self.kept:
            raise DeadLetterMissing(id)
        return self.kept.pop((queue, id))


class Files:
    """Reports in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def write(self, path: str, content: bytes | AsyncIterator[bytes], content_type: str) -> None:
        self.kept[path] = content if isinstance(content, bytes) else b"".join([piece async for piece in content])

    async def read(self, path: str) -> bytes | None:
        return self.kept.get(path)

    async def list(self, prefix: str) -> list[str]:
        return [path for path in self.kept if path.startswith(prefix)]

    async def close(self) -> None:
        pass


class Published:
    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    def publish(self, queue: str, message_id: str, body: bytes) -> None:
        self.sent.append((queue, body))

    async def flush(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def spill(self) -> None:
        pass


class Megaphone:
    """Channels that remember what was sent over them."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    async def send(self, channel: Any, notice: Any) -> Outcome:
        self.sent.append((channel.name, notice.title))
        return Outcome(Verdict.DELIVERED, "200")


class Bookkeeping:
    """`books` is what the management API works with; the rest is for tests to fill and to look at."""

    def __init__(self, documents: DocumentStore, clock: FakeClock, directory: DirectoryStore, zone: str = ZONE) -> None:
        self.documents, self.clock = documents, clock
        self.letters, self.files, self.events, self.megaphone = Letters(), Files(), Published(), Megaphone()
        self.ledger = LedgerService(documents, clock, time_zone=zone)
        store = LedgerStore(documents)
        reconciliation = ReconciliationService(
            documents, clock, cast("Any", forms), self._repost, self._archived, time_zone=zone
        )
        self.periods = PeriodStore(documents, clock)
        self.closing = ClosingService(self.periods, reconciliation, store, clock, Calendar(zone))
        self.runs = RunStore(documents)
        self.definition = ReportConfig(name="monthly", kind=ReportKind.CHARGEBACK, schedule=Schedule.MONTHLY)
        channel = WebhookChannel(name="ops", kind="webhook", url="https://example.com/hook", secret_ref="env:HOOK")
        alerting = AlertingConfig.model_validate(
            {"channels": [channel.model_dump()], "routes": [{"channels": ["ops"]}]}
        )
        reports = ReportService(
            CountedLedger(documents, clock, zone), self.closing, self.files, _signer, lambda: Origin("p", "c")
        )
        self.making = runs = ReportRuns(self.runs, reports, self.closing, clock, time_zone=zone)
        self.books: Books = books_of(
            Services(
                documents=documents,
                clock=clock,
                directory=directory,
                prices=PriceBook(()),
                events=self.events,
                letters=self.letters,
                ledger=self.ledger,
                reconciliation=reconciliation,
                closing=self.closing,
                runs=lambda: runs,
                storage=self.files,
                finance=FinanceConfig(
                    time_zone=zone, reports=(self.definition, ReportConfig(name="so-far", kind=ReportKind.SHOWBACK))
                ),
                sessions=SessionsConfig(),
                alerting=alerting,
                channels=cast("Channels", self.megaphone),
            )
        )

    async def furnish(self) -> None:
        """One of everything that can be asked for by its name."""
        now = self.clock.now()
        await self.spend("a", datetime(2025, 12, 1, tzinfo=UTC), id="led_x", application="app-a")
        window = Window("", datetime(2025, 11, 30, 23, tzinfo=UTC), datetime(2025, 12, 31, 23, tzinfo=UTC))
        run = Run(
            "run_x", self.definition, Days("2025-12", window, ZONE), now, "vk_root", RunState.DONE, 1.0, "done",
            finished_at=now, folder="2025-12/monthly/run_x/1", files=("statement.csv",),
            manifest_sha256=self._filed("2025-12/monthly/run_x/1", now, window),
        )  # fmt: skip
        await self.runs.create(run)
        failed = Delivery("ntc_x", "ops", "report", "info", "A report", None, now, State.FAILED, 3, "500")
        await DeliveryStore(self.documents).open(failed)
        self.letters.kept["alerts", "7"] = DeadLetter("7", "msg-7", b'{"id": "x"}', "no such notice", now)
        await self.books.proving.costs.take(_pieces(EXPORT), "vk_root")

    def _filed(self, folder: str, now: datetime, window: Window) -> str:
        """Put a report away, and return the hash of its manifest."""
        statement = b"team,cost\n"
        manifest = Manifest(
            run="run_x", generated_at=now.isoformat(), definition=self.definition.model_dump(mode="json"),
            period={"label": "2025-12", "start": window.start.isoformat(), "end": window.end.isoformat(), "time_zone": ZONE},
            totals={}, inputs=(), price_book="p", code="c",
            outputs=(Output("statement.csv", len(statement), sha256(statement).hexdigest()),),
        ).signed(SIGNER)  # fmt: skip
        self.files.kept |= {f"{folder}/statement.csv": statement, f"{folder}/manifest.json": manifest}
        return sha256(manifest).hexdigest()

    async def spend(
        self, team: str, at: datetime, cost: int | None = 10**9, id: str | None = None, **more: Any
    ) -> Entry:
        """Post a usage entry; `more` are dimensions, `tags` and `sums`."""
        self._count = getattr(self, "_count", 0) + 1
        sums = {"requests": 1, "tokens.input_fresh": 10, "latency.20": 1} | more.pop("sums", {})
        tags = more.pop("tags", ())
        id = id or f"led_req_{self._count:026}"
        entry = Entry(
            id=id,
            at=at,
            posted_at=at,
            dimensions=Dimensions(team=team, **more),
            sums=sums,
            event=id.removeprefix("led_"),
            cost=cost,
            lines={"input_fresh": cost} if cost else {},
            price=None if cost is None else "p",
            tags=tags,
            unpriced=("price",) if cost is None else (),
        )
        await self.ledger.post([entry], [{"id": entry.event, "kind": "event"}])
        return entry

    async def _repost(self, events: object) -> int:
        return 0

    async def _archived(self, team: str, month: str) -> int:
        return 0


async def _signer() -> ReportSigner:
    return SIGNER


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content
