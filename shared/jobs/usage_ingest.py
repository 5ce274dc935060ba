"""Stores usage events, each once however often its message is delivered."""

import asyncio

import orjson

from shared.documents import DocumentExists, DocumentStore
from shared.usage.model import EVENTS


class EventInvalid(ValueError):
    """A message that is not a usage event; it will not become one by trying again."""


async def ingest(bodies: list[bytes], documents: DocumentStore) -> int:
    """Store a batch of events and return how many of them were new. Raises EventInvalid and StoreUnavailable.

    The partition is team and month, so that a statement reads one partition and none grows without end.
    """
    events = [_parse(body) for body in bodies]
    # At once, so that the store can commit them together.
    return sum(await asyncio.gather(*(_store(event, documents) for event in events)))


async def _store(event: dict[str, object], documents: DocumentStore) -> bool:
    partition = f"{event['team']}|{str(event['started_at'])[:7]}"
    try:
        await documents.create(EVENTS, partition, event)
    except DocumentExists:
        return False
    return True


def _parse(body: bytes) -> dict[str, object]:
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise EventInvalid("the message is not JSON") from None
    missing = [
        name for name in ("id", "team", "started_at", "schema") if not (isinstance(event, dict) and event.get(name))
    ]
    if missing:
        raise EventInvalid(f"the message lacks {', '.join(missing)}")
    return dict(event)
