"""Keeps what was found last of each partition, budget and import, side by side."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, cast

from shared.documents import Condition, DocumentStore, Json
from shared.ledger.model import CONTAINER, Sums
from shared.reconciliation.model import Difference, Finding, Problem

PARTITION = "reconciliation"
_EXACT = 2**53
_PAGE = 200
_TRIED, _FAILED, _TRIED_S = "tried|", "failed|", 100 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Failures:
    """Tries in a row at which a partition could not be read: how many, and when the first of them was."""

    tries: int
    since: datetime


class ResultStore:
    """Findings by partition, under `<month>|<team>`. Every method raises StoreUnavailable."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def keep(self, finding: Finding) -> None:
        await self._documents.upsert(CONTAINER, PARTITION, _body_of(finding))

    async def find(self, team: str, month: str) -> Finding | None:
        document = await self._documents.get(CONTAINER, PARTITION, f"{month}|{team}")
        return _finding_of(document.body) if document else None

    async def trying(self, team: str, month: str, at: datetime) -> None:
        """Say that a partition is about to be looked at: whatever becomes of that, others come first the next time."""
        body = {"schema": 1, "kind": "tried", "id": f"{_TRIED}{month}|{team}", "team": team, "at": at.isoformat()}
        await self._documents.upsert(CONTAINER, PARTITION, body, _TRIED_S)

    async def tried(self, month: str) -> dict[str, datetime]:
        """Return when each team's partition of a UTC month was last about to be looked at."""
        found = self._between(f"{_TRIED}{month}|")
        return {str(body["team"]): datetime.fromisoformat(str(body["at"])) async for body in found}

    async def failed(self, team: str, month: str, at: datetime) -> Failures:
        """Count that a partition could not be read, and return how often that was since it was last proved."""
        id = f"{_FAILED}{month}|{team}"
        document, finding = await self._documents.get(CONTAINER, PARTITION, id), await self.find(team, month)
        body = cast("Mapping[str, Any]", document.body if document else {})
        goes_on = body and (finding is None or finding.at < datetime.fromisoformat(body["at"]))
        since = datetime.fromisoformat(body["since"]) if goes_on else at
        failures = Failures(body["tries"] + 1 if goes_on else 1, since)
        told = {"team": team, "tries": failures.tries, "since": since.isoformat(), "at": at.isoformat()}
        await self._documents.upsert(CONTAINER, PARTITION, {"schema": 1, "kind": "failed", "id": id, **told}, _TRIED_S)
        return failures

    async def of(self, month: str) -> AsyncIterator[Finding]:
        """Return the last finding of every partition of a UTC month."""
        async for body in self._between(f"{month}|"):
            yield _finding_of(body)

    async def _between(self, prefix: str) -> AsyncIterator[Json]:
        where = [Condition("id", ">=", prefix), Condition("id", "<", f"{prefix}~")]
        cursor: str | None = None
        while True:
            page = await self._documents.query(CONTAINER, PARTITION, where, limit=_PAGE, cursor=cursor)
            for document in page.documents:
                yield document.body
            cursor = page.cursor
            if cursor is None:
                return


def stored_sums(sums: Sums) -> dict[str, int | str]:
    """Cosmos DB keeps numbers as doubles; what they cannot hold exactly is written as text."""
    return {name: number if -_EXACT < number < _EXACT else str(number) for name, number in sums.items()}


def sums_of(stored: Mapping[str, int | str]) -> dict[str, int]:
    return {name: int(number) for name, number in stored.items()}


def _body_of(finding: Finding) -> Json:
    return {
        **asdict(finding),
        "schema": 1,
        "kind": "finding",
        "id": f"{finding.month}|{finding.team}",
        "at": finding.at.isoformat(),
        "sums": stored_sums(finding.sums),
        "differences": [asdict(each) for each in finding.differences],
        "left": [asdict(each) for each in finding.left],
        "unsettled": [start.isoformat() for start in finding.unsettled],
    }


def _finding_of(body: Json) -> Finding:
    stored = dict(cast("Mapping[str, Any]", body))
    for name in ("schema", "kind", "id"):
        stored.pop(name)
    stored["at"] = datetime.fromisoformat(stored["at"])
    stored["sums"] = sums_of(stored["sums"])
    stored["differences"] = _differences(stored["differences"])
    stored["left"] = _differences(stored["left"])
    stored["unsettled"] = tuple(datetime.fromisoformat(start) for start in stored["unsettled"])
    return Finding(**stored)


def _differences(stored: list[dict[str, Any]]) -> tuple[Difference, ...]:
    return tuple(Difference(Problem(each["problem"]), each["count"], tuple(each["examples"])) for each in stored)
