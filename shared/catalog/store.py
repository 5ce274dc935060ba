"""Keeps which hours of provisioned capacity were divided, and on what terms: an hour keeps them when its pool changes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from shared.catalog.pools import Terms
from shared.documents import DocumentExists, DocumentStore, Json
from shared.ledger.model import CONTAINER, stamp

PARTITION = "provisioned"
KEPT_S = 90 * 86_400
"""An hour is looked at for two days only."""

_CURSOR = "cursor"


@dataclass(frozen=True, slots=True)
class PoolHour:
    """`digest` is of the use that the hour was divided by last; None: that was not finished yet."""

    terms: Terms
    digest: str | None = None


class PoolHourStore:
    """Every method raises StoreUnavailable."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def done_until(self) -> datetime | None:
        """Return the end of the last hour that was divided; None: there was none yet."""
        document = await self._documents.get(CONTAINER, PARTITION, _CURSOR)
        return datetime.fromisoformat(str(document.body["until"])) if document else None

    async def set_done_until(self, until: datetime) -> None:
        body = {"schema": 1, "id": _CURSOR, "kind": "cursor", "until": until.isoformat()}
        await self._documents.upsert(CONTAINER, PARTITION, body)

    async def read(self, pool: str, start: datetime) -> PoolHour | None:
        document = await self._documents.get(CONTAINER, PARTITION, _id(pool, start))
        return _hour_of(document.body) if document else None

    async def begin(self, pool: str, start: datetime, terms: Terms) -> PoolHour:
        """Return the hour with these terms, or with those that another has begun it with."""
        try:
            document = await self._documents.create(CONTAINER, PARTITION, _body(pool, start, PoolHour(terms)), KEPT_S)
        except DocumentExists:
            return await self.read(pool, start) or PoolHour(terms)
        return _hour_of(document.body)

    async def finish(self, pool: str, start: datetime, hour: PoolHour) -> None:
        await self._documents.upsert(CONTAINER, PARTITION, _body(pool, start, hour), KEPT_S)


def _id(pool: str, start: datetime) -> str:
    return f"{pool}|{stamp(start)}"


def _body(pool: str, start: datetime, hour: PoolHour) -> Json:
    """Costs are text: Cosmos DB keeps large numbers as doubles."""
    return {
        "schema": 1,
        "id": _id(pool, start),
        "kind": "pool_hour",
        "cost": str(hour.terms.cost),
        "capacity": str(hour.terms.capacity),
        "output_weight": hour.terms.output_weight,
        "digest": hour.digest,
    }


def _hour_of(body: Json) -> PoolHour:
    stored = cast("dict[str, Any]", body)
    terms = Terms(int(stored["cost"]), int(stored["capacity"]), stored["output_weight"])
    return PoolHour(terms, stored["digest"])
