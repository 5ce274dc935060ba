"""Keeps which hours of provisioned capacity were divided, and on what terms: an hour keeps them when its pool changes."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

from shared.catalog.pools import PoolConfig, Terms
from shared.documents import DocumentExists, DocumentStore, Json
from shared.ledger.model import CONTAINER, stamp

PARTITION = "provisioned"
KEPT_S = 400 * 86_400
"""As long as a pool that is stated late may reach back: an hour that is forgotten would be divided anew."""


@dataclass(frozen=True, slots=True)
class PoolHour:
    """What an hour was begun with, for good. `digest` is of what it was divided by last; None: that was not finished yet."""

    terms: Terms
    owner: str
    deployments: tuple[str, ...]
    currency: str
    digest: str | None = None

    @classmethod
    def of(cls, pool: PoolConfig) -> "PoolHour":
        return cls(pool.terms(), pool.owner, pool.deployments, pool.currency)


class PoolHourStore:
    """Every method raises StoreUnavailable."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def done_until(self, pool: PoolConfig) -> datetime | None:
        """Return the end of the last hour that was divided of a pool with this beginning; None: there was none yet."""
        document = await self._documents.get(CONTAINER, PARTITION, _cursor(pool))
        return datetime.fromisoformat(str(document.body["until"])) if document else None

    async def set_done_until(self, pool: PoolConfig, until: datetime) -> None:
        body = {"schema": 1, "id": _cursor(pool), "kind": "cursor", "until": until.isoformat()}
        await self._documents.upsert(CONTAINER, PARTITION, body)

    async def read(self, pool: str, start: datetime) -> PoolHour | None:
        document = await self._documents.get(CONTAINER, PARTITION, _id(pool, start))
        return _hour_of(document.body) if document else None

    async def begin(self, pool: str, start: datetime, hour: PoolHour) -> PoolHour:
        """Return the hour as it is begun here, or as another has begun it."""
        try:
            document = await self._documents.create(CONTAINER, PARTITION, _body(pool, start, hour), KEPT_S)
        except DocumentExists:
            return await self.read(pool, start) or hour
        return _hour_of(document.body)

    async def finish(self, pool: str, start: datetime, hour: PoolHour, digest: str) -> None:
        await self._documents.upsert(CONTAINER, PARTITION, _body(pool, start, replace(hour, digest=digest)), KEPT_S)


def _id(pool: str, start: datetime) -> str:
    return f"{pool}|{stamp(start)}"


def _cursor(pool: PoolConfig) -> str:
    """Made of the beginning too: where that is moved back, there are more hours to divide."""
    return f"cursor:{pool.name}|{stamp(pool.effective_from.astimezone(UTC)) if pool.effective_from else ''}"


def _body(pool: str, start: datetime, hour: PoolHour) -> Json:
    """Costs are text: Cosmos DB keeps large numbers as doubles."""
    return {
        "schema": 1,
        "id": _id(pool, start),
        "kind": "pool_hour",
        "cost": str(hour.terms.cost),
        "capacity": str(hour.terms.capacity),
        "output_weight": hour.terms.output_weight,
        "owner": hour.owner,
        "deployments": list(hour.deployments),
        "currency": hour.currency,
        "digest": hour.digest,
    }


def _hour_of(body: Json) -> PoolHour:
    stored = cast("dict[str, Any]", body)
    terms = Terms(int(stored["cost"]), int(stored["capacity"]), stored["output_weight"])
    return PoolHour(terms, stored["owner"], tuple(stored["deployments"]), stored["currency"], stored["digest"])
