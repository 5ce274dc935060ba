"""Keeps the state of the migrations in one document: who saves it has the version that nobody else has changed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from shared.documents import Document, DocumentExists, DocumentMissing, DocumentStore, Json, PreconditionFailed
from shared.migrations.model import CONTAINER, State

_PARTITION = _ID = "state"


class Overtaken(Exception):
    """Another instance has saved the state since it was read."""


@dataclass(frozen=True, slots=True)
class Saved:
    """The state with its version; None where nothing was ever saved."""

    state: State
    etag: str | None


class MigrationStore:
    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def read(self) -> Saved:
        document = await self._documents.get(CONTAINER, _PARTITION, _ID)
        return Saved(State(), None) if document is None else _saved_of(document)

    async def save(self, state: State, etag: str | None) -> Saved:
        """Save over exactly the version `etag`. Raises Overtaken."""
        body = _body_of(state)
        try:
            if etag is None:
                return _saved_of(await self._documents.create(CONTAINER, _PARTITION, body))
            return _saved_of(await self._documents.replace(CONTAINER, _PARTITION, body, etag))
        except (DocumentExists, DocumentMissing, PreconditionFailed) as error:
            raise Overtaken from error


def _body_of(state: State) -> Json:
    return {
        "schema": 1,
        "id": _ID,
        "finished": sorted(state.finished),
        "under_way": state.under_way,
        "cursor": state.cursor,
        "holder": state.holder,
        "held_until": state.held_until.isoformat() if state.held_until else None,
    }


def _saved_of(document: Document) -> Saved:
    body = cast("dict[str, Any]", document.body)
    until = body["held_until"]
    state = State(
        finished=frozenset(body["finished"]),
        under_way=body["under_way"],
        cursor=body["cursor"],
        holder=body["holder"],
        held_until=datetime.fromisoformat(until) if until else None,
    )
    return Saved(state, document.etag)
