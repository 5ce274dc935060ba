"""Azure's costs as they were imported: by month, account, deployment, day and meter."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Context, Decimal
from hashlib import sha256
from itertools import batched
from typing import Any, BinaryIO, cast

from shared.clock import Clock
from shared.documents import (
    Condition,
    Delete,
    Document,
    DocumentExists,
    DocumentMissing,
    DocumentStore,
    Json,
    Page,
    PreconditionFailed,
    Upsert,
)
from shared.ledger.model import CONTAINER
from shared.money import nano
from shared.reconciliation.azure_export import CostLine, ExportInvalid, read_export
from shared.reconciliation.results import stored_sums, sums_of

CURRENT = "current"
MOST_GROUPS = 200_000
_MOST_MONTHS, _AT_ONCE, _IN_DOCUMENT = 24, 100, 2_000
_EXACT = Context(prec=100)
_BLOCK = 1 << 20

type Place = tuple[str | None, str | None]
"""An account and a deployment in it."""


@dataclass(frozen=True, slots=True)
class AzureCost:
    """What one meter of a deployment cost on a day, in nano-units. `quantity` is in thousandths of single units; None if unknown."""

    day: date
    meter: str
    charge: str
    currency: str
    cost: int
    quantity: int | None


@dataclass(frozen=True, slots=True)
class AzureImport:
    """One export's part of a UTC month: the days from `first` to `last`. The id is a digest of the file."""

    id: str
    month: str
    at: datetime
    by: str
    lines: int
    first: date
    last: date
    cost: Mapping[str, int]


def parse_export(stream: BinaryIO) -> tuple[str, Mapping[str, "Month"]]:
    """Return the digest of a file, and its sums by month. Raises ExportInvalid. Takes seconds: not for the event loop."""
    hashed = _Hashed(stream)
    months: dict[str, Month] = {}
    groups = 0
    for line in read_export(cast("BinaryIO", hashed)):
        month = months.setdefault(f"{line.day:%Y-%m}", Month())
        groups += month.add(line)
        if groups > MOST_GROUPS or len(months) > _MOST_MONTHS:
            raise ExportInvalid("The file has too many months, deployments or meters: export a shorter time.")
    if not months:
        raise ExportInvalid("The file has no lines.")
    return hashed.digest.hexdigest()[:32], months


class _Hashed:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(min(size, _BLOCK) if size > 0 else _BLOCK)
        self.digest.update(piece)
        return piece


class Month:
    """The sums of one month of an export, exact until they are made nano-units."""

    def __init__(self) -> None:
        self.lines = 0
        self._sums: dict[Place, dict[tuple[date, str, str, str], tuple[Decimal, Decimal | None]]] = {}

    def add(self, line: CostLine) -> int:
        """Count a line, and return how many sums there are more by it."""
        self.lines += 1
        of_place = self._sums.setdefault((line.account, line.deployment), {})
        key = (line.day, line.meter, line.charge, line.currency)
        known = of_place.get(key)
        cost, quantity = known or (Decimal(0), Decimal(0))
        is_told = quantity is not None and line.quantity is not None
        more = _EXACT.add(quantity or Decimal(0), line.quantity or Decimal(0)) if is_told else None
        of_place[key] = (_EXACT.add(cost, line.cost), more)
        return known is None

    def costs(self) -> Mapping[Place, tuple[AzureCost, ...]]:
        return {
            place: tuple(
                AzureCost(*key, nano(cost), None if quantity is None else int(quantity * 1000))
                for key, (cost, quantity) in sorted(sums.items())
            )
            for place, sums in self._sums.items()
        }


class AzureCostStore:
    """Partition `azure|<month>`: a document by deployment and import, and one that says which import counts. Raises StoreUnavailable."""

    def __init__(self, documents: DocumentStore, clock: Clock) -> None:
        self._documents, self._clock = documents, clock

    async def keep(self, id: str, months: Mapping[str, Month], by: str) -> list[AzureImport]:
        """Make an export count for its months, in place of earlier ones. The same file again changes nothing.

        Its documents come first, then the word that they count: killed in between, the earlier export still does.
        """
        return [await self._keep_month(id, name, month, by) for name, month in sorted(months.items())]

    async def current(self, month: str) -> AzureImport | None:
        document = await self._documents.get(CONTAINER, _partition(month), CURRENT)
        return _import_of(document.body) if document else None

    async def costs(self, found: AzureImport) -> AsyncIterator[tuple[Place, tuple[AzureCost, ...]]]:
        """Yield the costs of every deployment that an import tells of, of some in several parts."""
        cursor: str | None = None
        while True:
            page = await self._page(found.month, found.id, cursor)
            for document in page.documents:
                body = cast("Mapping[str, Any]", document.body)
                yield (body["account"], body["deployment"]), tuple(_cost_of(each) for each in body["costs"])
            if (cursor := page.cursor) is None:
                return

    async def _keep_month(self, id: str, name: str, month: Month, by: str) -> AzureImport:
        while True:
            document = await self._documents.get(CONTAINER, _partition(name), CURRENT)
            earlier = _import_of(document.body) if document else None
            if earlier is not None and earlier.id == id:
                return earlier
            costs = month.costs()
            for some in _batches(id, costs):
                await self._documents.batch(CONTAINER, _partition(name), some)
            found = self._import(id, name, month, by, [line for lines in costs.values() for line in lines])
            try:
                await self._make_current(found, document)
            except (DocumentExists, PreconditionFailed):
                continue
            if earlier is not None:
                await self._remove(earlier)
            return found

    async def _make_current(self, found: AzureImport, document: Document | None) -> None:
        body, partition = _import_body(found), _partition(found.month)
        if document is None:
            await self._documents.create(CONTAINER, partition, body)
        else:
            await self._documents.replace(CONTAINER, partition, body, document.etag)

    async def _remove(self, earlier: AzureImport) -> None:
        partition = _partition(earlier.month)
        # From the beginning each time: a cursor may count documents that are gone by then.
        while documents := (await self._page(earlier.month, earlier.id)).documents:
            ids = [str(document.body["id"]) for document in documents]
            try:
                await self._documents.batch(CONTAINER, partition, [Delete(id) for id in ids])
            except DocumentMissing:  # Somebody else removes them too.
                for id in ids:
                    await self._documents.delete(CONTAINER, partition, id)

    def _import(self, id: str, name: str, month: Month, by: str, lines: Iterable[AzureCost]) -> AzureImport:
        lines = list(lines)
        cost: dict[str, int] = {}
        for line in lines:
            cost[line.currency] = cost.get(line.currency, 0) + line.cost
        days = [line.day for line in lines]
        return AzureImport(id, name, self._clock.now(), by, month.lines, min(days), max(days), cost)

    async def _page(self, month: str, id: str, cursor: str | None = None) -> Page:
        where = [Condition("id", ">=", f"costs|{id}|"), Condition("id", "<", f"costs|{id}|~")]
        return await self._documents.query(CONTAINER, _partition(month), where, limit=_AT_ONCE, cursor=cursor)


def _partition(month: str) -> str:
    return f"azure|{month}"


def _batches(id: str, costs: Mapping[Place, tuple[AzureCost, ...]]) -> Iterator[list[Upsert]]:
    """Yield the documents of an import in as many at once as a store takes, and no more lines at once than in one document."""
    batch: list[Upsert] = []
    size = 0
    for place, lines in costs.items():
        for number, some in enumerate(batched(lines, _IN_DOCUMENT, strict=False)):
            if batch and (len(batch) == _AT_ONCE or size + len(some) > _IN_DOCUMENT):
                yield batch
                batch, size = [], 0
            batch.append(Upsert(_costs_body(id, place, some, number)))
            size += len(some)
    if batch:
        yield batch


def _costs_body(id: str, place: Place, lines: Iterable[AzureCost], number: int) -> Json:
    digest = sha256(f"{place[0]}\n{place[1]}".encode()).hexdigest()[:24]
    costs = [
        [line.day.isoformat(), line.meter, line.charge, line.currency, str(line.cost), _text(line.quantity)]
        for line in lines
    ]
    return {
        "schema": 1,
        "kind": "azure-costs",
        "id": f"costs|{id}|{digest}|{number:04}",
        "account": place[0],
        "deployment": place[1],
        "costs": costs,
    }


def _cost_of(stored: list[Any]) -> AzureCost:
    day, meter, charge, currency, cost, quantity = stored
    return AzureCost(
        date.fromisoformat(day), meter, charge, currency, int(cost), None if quantity is None else int(quantity)
    )


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _import_body(found: AzureImport) -> Json:
    return {
        "schema": 1,
        "kind": "azure-import",
        "id": CURRENT,
        "import": found.id,
        "month": found.month,
        "at": found.at.isoformat(),
        "by": found.by,
        "lines": found.lines,
        "first": found.first.isoformat(),
        "last": found.last.isoformat(),
        "cost": stored_sums(found.cost),
    }


def _import_of(body: Json) -> AzureImport:
    stored = cast("Mapping[str, Any]", body)
    return AzureImport(
        id=stored["import"],
        month=stored["month"],
        at=datetime.fromisoformat(stored["at"]),
        by=stored["by"],
        lines=stored["lines"],
        first=date.fromisoformat(stored["first"]),
        last=date.fromisoformat(stored["last"]),
        cost=sums_of(stored["cost"]),
    )
